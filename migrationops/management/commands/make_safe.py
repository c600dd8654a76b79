from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from migrationops.management.base import ErrorsToExitCodes, OpsCommand
from migrationops.workflows.make_safe import (
    Report,
    Request,
    make_safe,
)


class Command(OpsCommand):
    help = (
        "Rewrite a dangerous migration, not applied yet, into migrations by phase "
        "(expand, backfill, contract) that end in the same catalog; proven first."
    )
    when_stopped = ErrorsToExitCodes.when_stopped  # each file is an end of its own

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("app_label", help="The app of the migration.")
        parser.add_argument("migration_name", help="Its name, or how that begins.")
        parser.add_argument(
            "--dry-run", action="store_true", help="Show and prove; write nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        report = make_safe(
            Request(
                alias=options["database"],
                app_label=options["app_label"],
                name=options["migration_name"],
                dry_run=options["dry_run"],
            )
        )
        self.show(report.to_json(), text(report), options)


def text(report: Report) -> str:
    """Return the diff and what became of it."""
    remaining = "".join(f"\n  {line}" for line in report.remaining)
    if not report.files:
        if not remaining:
            return f"{report.replaced.name} is safe as it is."
        return f"{report.replaced.name} stays as it is; to be careful of:{remaining}"
    names = "\n".join(f"  {f.phase:9} {f.path.name}" for f in report.files)
    done = "Written" if report.written else "Not written (--dry-run)"
    still = f"\nStill to be careful of:{remaining}" if remaining else ""
    return (
        f"{report.diff}\n{done}, in place of {report.replaced.name}:\n{names}\n"
        "Proven on two throw-away databases: the same catalog at the end, and the "
        f"one before after the way back.{still}"
    )
