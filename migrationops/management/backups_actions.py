"""The actions of the command `backups`: one workflow each, and its text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.core.management.base import CommandError

from migrationops.backups.retention import Retention
from migrationops.conf import Proof
from migrationops.management.backup_reports import (
    backups_text,
    expired_text,
    verified_text,
)
from migrationops.progress import ProgressCallback
from migrationops.workflows import backups
from migrationops.workflows.expire_backups import Request, expire_backups


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is printed as JSON or as text; `problem` makes the command exit with 4."""

    data: dict[str, Any]
    text: str
    problem: str = ""


Action = Callable[[dict[str, Any], ProgressCallback], Answer]


def _refuse_one(options: dict[str, Any]) -> None:
    if (backup := options["backup"]) is not None:
        raise CommandError(
            f"{options['action']} takes no backup ({backup}): it is about all of them.",
            returncode=2,
        )


def list_them(options: dict[str, Any], _tell: ProgressCallback) -> Answer:
    _refuse_one(options)
    if options["stored"]:
        listed = backups.list_stored()
    else:
        listed = backups.list_backups(alias=options["database"])
    return Answer(data=listed.to_json(), text=backups_text(listed))


def verify(options: dict[str, Any], tell: ProgressCallback) -> Answer:
    found = backups.verify_backups(
        alias=options["database"],
        identifier=options["backup"],
        level=Proof[options["proof"].upper()],
        report=tell,
    )
    return Answer(
        data={"version": 1, "verified": [asdict(v) for v in found]},
        text=verified_text(found),
        problem="Not every backup holds." if any(v.problem for v in found) else "",
    )


def expire(options: dict[str, Any], _tell: ProgressCallback) -> Answer:
    _refuse_one(options)
    retention = Retention(**{f.name: options[f.name] for f in fields(Retention)})
    report = expire_backups(
        Request(alias=options["database"], retention=retention, apply=options["apply"])
    )
    return Answer(data=report.to_json(), text=expired_text(report))


def fetch(options: dict[str, Any], _tell: ProgressCallback) -> Answer:
    if options["backup"] is None:
        raise CommandError("Which one? See: backups list --stored", returncode=2)
    fetched = backups.fetch_backup(
        identifier=options["backup"], identity=options["identity"]
    )
    return Answer(data=fetched.to_json(), text=f"Fetched {fetched.id}.")


ACTIONS: dict[str, Action] = {
    "list": list_them,
    "verify": verify,
    "expire": expire,
    "fetch": fetch,
}
