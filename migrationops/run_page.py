"""What the page of a run shows beside the run's own columns, read from its data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.dateparse import parse_datetime

from migrationops.models import Run, Step
from migrationops.postgres.table_locks import Lock
from migrationops.wording import duration, many


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedRow:
    """One statement of the rehearsal: what it locked and what it worked on."""

    migration: str
    sql: str
    locks: tuple[str, ...]
    work: tuple[str, ...]
    took: str
    blocks: bool | None

    @property
    def line(self) -> str:
        return self.sql.strip().splitlines()[0]


def details(run: Run) -> dict[str, Any]:
    """Return what the template needs; a run that failed has no report."""
    backup, steps = run.backup, list(run.steps.all())
    lint = _noted(steps, "lint") or run.report.get("lint") or {}
    return {
        "took": duration(seconds(run)),
        "steps": [(step, duration(seconds(step))) for step in steps],
        "backup_size": sum(file["size"] for file in backup.get("files", [])),
        "backup_rows": f"{backup.get('proof', {}).get('rows', 0):,}",
        "backup_took": _backup_took(backup),
        "backup_started": parse_datetime(backup.get("started", "")),
        "restored": _restored(run.report),
        "warnings": _noted(steps, "warnings") or run.report.get("warnings", []),
        "findings": [f for f in lint.get("findings", []) if f["severity"] != "safe"],
        "rehearsal": _noted(steps, "rehearsal") or run.report.get("rehearsal"),
        "rehearsed": list(_rehearsed(run.rehearsal)),
        "disagreements": run.report.get("disagreements", []),
    }


def _restored(report: dict[str, Any]) -> dict[str, str] | None:
    """Say what a restore kept and lost; None where none was made."""
    if not report.get("kept"):
        return None
    rows = [table["at_most"] for table in report["losses"]["tables"]]
    return {
        "kept": report["kept"],
        "outage": duration(report["outage"]),
        "lost": "not known" if None in rows else f"at most {many(sum(rows), 'row')}",
    }


def _backup_took(backup: dict[str, Any]) -> str:
    begun, ended = (parse_datetime(backup.get(k, "")) for k in ("started", "finished"))
    dump = (ended - begun).total_seconds() if begun and ended else None
    proof = backup.get("proof", {}).get("seconds")
    return f"{duration(dump)} to dump, {duration(proof)} to prove"


def seconds(item: Run | Step) -> float | None:
    """Return how long it took; None while it is open."""
    if item.finished_at is None:
        return None
    return (item.finished_at - item.started_at).total_seconds()


def _noted(steps: list[Step], fact: str) -> Any:
    """Return what a stage noted of itself."""
    return next((s.detail[fact] for s in steps if s.detail.get(fact)), None)


def _rehearsed(rehearsal: dict[str, Any]) -> Iterator[RehearsedRow]:
    for migration in rehearsal.get("performance", {}).get("migrations", []):
        for step in migration["steps"]:
            facts = step["facts"] or {}
            yield RehearsedRow(
                migration=f"{migration['app']}.{migration['name']}",
                sql=step["sql"] or step["description"],
                locks=tuple(
                    f"{name}: {Lock[mode].title}"
                    for name, mode in facts.get("locks", {}).items()
                ),
                work=tuple(_work(facts)),
                took=duration(facts.get("seconds")),
                blocks=facts.get("blocks", False),
            )


def _work(facts: dict[str, Any]) -> Iterator[str]:
    yield from (f"rewrites {name}" for name in facts.get("rewritten", ()))
    for name, rows in facts.get("scanned", {}).items():
        yield f"reads {many(rows, 'row')} of {name}"
    for name, rows in facts.get("written", {}).items():
        yield f"writes {many(rows, 'row')} of {name}"
