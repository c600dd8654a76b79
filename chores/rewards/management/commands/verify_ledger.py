from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DEFAULT_DB_ALIAS

from chores.rewards.verification import verify_ledger


class Command(BaseCommand):
    help = "Prove that every balance is what its ledger says; changes nothing."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS)
        parser.add_argument("--json", action="store_true", help="print one object")

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify_ledger(alias=options["database"])
        if options["json"]:
            rows = [asdict(row) for row in found]
            self.stdout.write(json.dumps({"version": 1, "discrepancies": rows}))
        elif not found:
            self.stdout.write("Every balance is what its ledger says.")
        for row in found if not options["json"] else ():
            self.stdout.write(f"member {row.member}: {row.problems}")
        if found:
            raise CommandError(f"{len(found)} members differ.", returncode=4)
