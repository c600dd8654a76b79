from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from migrationops.backups.losses import Accepted
from migrationops.management import arguments
from migrationops.management.backup_reports import restore_text
from migrationops.management.base import OpsCommand
from migrationops.workflows.restore import Request, restore_backup

_FLAGS = {
    "list_losses": "Name, after the swap, each row that differs from the kept one.",
    "from_ready_copy": "Swap in the copy that backup --ready-copy has left.",
    "trust": "Take a manifest of another environment or of an unknown key.",
    "drop_slots": "Drop logical slots, which would follow the old database.",
    "accept_missing": "Do without what this role may not restore; it is named.",
    "accept_stale_replicas": "Leave sessions on standbys in the old database.",
    "no_input": "Never ask for the database's name.",
}
_ASK = "Type the name of the database that the backup is restored to: "


def _rows(text: str) -> Accepted:
    if text != "all" and not text.isdigit():
        raise ArgumentTypeError("a number of rows, or all")
    return Accepted(rows=None if text == "all" else int(text))


class Command(OpsCommand):
    help = "Replace the database by a backup; what was live is kept beside."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add("backup", nargs="?", help="The newest of this database by default.")
        beside = "Restore beside, as a new database."
        add("--into", type=arguments.database_name, metavar="NAME", help=beside)
        lost = "Rows written since the backup that may be lost: a number, or all."
        add("--accept-loss", type=_rows, default=Accepted(), metavar="N", help=lost)
        add("--replica", action="append", default=[], metavar="ALIAS", help="A standby")
        wait = "Seconds to wait for another runner."
        add("--wait", type=arguments.seconds, help=wait)
        for name, text in _FLAGS.items():
            add(f"--{name.replace('_', '-')}", action="store_true", help=text)

    def handle(self, *args: Any, **options: Any) -> None:
        ask = None if options["no_input"] else self.asker(_ASK)
        report = restore_backup(_request(options), self.progress(options), ask)
        self.show(report.to_json(), restore_text(report), options)


def _request(options: dict[str, Any]) -> Request:
    return Request(
        alias=options["database"],
        accepted=options["accept_loss"],
        replicas=tuple(options["replica"]),
        **{name: options[name] for name in _FLAGS if name != "no_input"},
        **{name: options[name] for name in ("backup", "into", "wait")},
    )
