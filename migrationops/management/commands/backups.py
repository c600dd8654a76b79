from __future__ import annotations

from argparse import ArgumentParser
from dataclasses import asdict, fields
from typing import Any

from migrationops.backups.retention import Retention
from migrationops.conf import Proof
from migrationops.exceptions import DiffersError
from migrationops.management.backup_reports import (
    backups_text,
    expired_text,
    verified_text,
)
from migrationops.management.base import OpsCommand
from migrationops.workflows.backups import list_backups, verify_backups
from migrationops.workflows.expire_backups import Request, expire_backups


class Command(OpsCommand):
    help = "List the backups, prove them again, or delete those that may go."

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        add = parser.add_argument
        add("action", choices=["list", "verify", "expire"])
        add("backup", nargs="?", help="verify: only this one.")
        levels = [p.name.lower() for p in list(Proof)[1:4]]
        add("--proof", default="counted", choices=levels, help="verify: how far.")
        add("--apply", action="store_true", help="expire: delete; else only say.")
        for item in fields(Retention):
            keep = f"expire: how many to keep, {item.default} by default."
            add(f"--{item.name}", type=int, default=item.default, help=keep)

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, options["action"])(options)

    def list(self, options: dict[str, Any]) -> None:
        listed = list_backups(alias=options["database"])
        self._print(options, listed.to_json(), backups_text(listed))

    def verify(self, options: dict[str, Any]) -> None:
        level = Proof[options["proof"].upper()]
        alias, tell = options["database"], self.progress(options)
        found = verify_backups(
            alias=alias, identifier=options["backup"], level=level, report=tell
        )
        data = {"version": 1, "verified": [asdict(v) for v in found]}
        self._print(options, data, verified_text(found))
        if any(v.problem for v in found):
            raise DiffersError("Not every backup holds.", remedy="Take a new one.")

    def expire(self, options: dict[str, Any]) -> None:
        retention = Retention(**{f.name: options[f.name] for f in fields(Retention)})
        alias, apply = options["database"], options["apply"]
        report = expire_backups(Request(alias=alias, retention=retention, apply=apply))
        self._print(options, report.to_json(), expired_text(report))

    def _print(self, options: dict[str, Any], data: dict[str, Any], text: str) -> None:
        self.print_json(data) if options["json"] else self.stdout.write(text)
