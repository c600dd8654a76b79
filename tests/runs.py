"""Runs as a database may hold them, for the pages that show the history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from migrationops.models import Run, Step
from migrationops.plan import Phase, Plan, PlannedMigration

BEGIN = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)

BACKUP = {
    "id": "backup-production-20260301T093001Z-shop-000000000001",
    "engine": "pg_dump",
    "compression": "zstd:1",
    "started": "2026-03-01T09:30:01+00:00",
    "finished": "2026-03-01T09:30:09+00:00",
    "files": [{"name": "shop.dump", "size": 258_000_000, "sha256": "0" * 64}],
    "proof": {
        "level": "restored",
        "rows": 1_204_511,
        "seconds": 75.2,
        "skipped": [],
    },
}

REHEARSAL = {
    "statements": 7,
    "seconds": 0.4,
    "reversed": False,
    "irreversible": ["gone.0042_expand_never_seen: Raw SQL operation"],
    "incompatible": [],
    "lacking": [],
}


def planned(app: str, name: str, *operations: str) -> PlannedMigration:
    """Return a migration that needs no file: the history outlives the code."""
    return PlannedMigration(
        app=app,
        name=name,
        phase=Phase.EXPAND,
        atomic=True,
        reversible=True,
        additive=True,
        operations=operations,
        source_hash="0" * 64,
    )


UNKNOWN = planned("gone", "0042_expand_never_seen", "Add field secret to vault")


def make_run(
    state: str = "done",
    *,
    minutes: int = 0,
    seconds: float = 4.2,
    using: str = "default",
    **values: Any,
) -> Run:
    """Store a run that began `minutes` after BEGIN, with its steps."""
    plan = Plan(alias="default", migrations=(UNKNOWN,))
    started = BEGIN + timedelta(minutes=minutes)
    defaults: dict[str, Any] = {
        "command": "safe_migrate",
        "environment": "production",
        "database": "shop",
        "plan": plan.to_json(),
        "fingerprint": plan.fingerprint,
        "backup": BACKUP,
        "report": {"rehearsal": REHEARSAL, "warnings": []},
        "operator": "deploy",
        "host": "web-1",
        "pid": 4711,
        "release": "2026.3.1",
        "versions": {"server": "18.4", "django": "5.2.19"},
        "exit_code": 0,
        "started_at": started,
        "finished_at": started + timedelta(seconds=seconds),
    }
    run = Run.objects.using(using).create(state=state, **(defaults | values))
    for number, (kind, label) in enumerate(STEPS, start=1):
        _make_step(run, number, kind, label)
    return run


def make_failed(**values: Any) -> Run:
    """Store a run whose last step failed."""
    run = make_run(
        "failed",
        error="gone.0042_expand_never_seen failed: division by zero",
        remedy="Correct the migration, then: manage.py safe_migrate",
        exit_code=6,
        **values,
    )
    run.steps.filter(number=len(STEPS)).update(
        state=Step.State.FAILED,
        error='OperationalError: canceling statement: relation "<vault>" is locked',
        tries=3,
    )
    return run


STEPS = [
    (Step.Kind.STAGE, "preflight"),
    (Step.Kind.STAGE, "backup"),
    (Step.Kind.STAGE, "apply"),
    (Step.Kind.MIGRATION, UNKNOWN.label),
    (Step.Kind.STATEMENT, 'ALTER TABLE "vault" ADD COLUMN "secret" text NULL'),
]


def _make_step(run: Run, number: int, kind: Step.Kind, label: str) -> Step:
    started = run.started_at + timedelta(milliseconds=700 * (number - 1))
    return run.steps.create(
        number=number,
        kind=kind,
        state=Step.State.DONE,
        label=label,
        sql=label if kind is Step.Kind.STATEMENT else "",
        started_at=started,
        finished_at=started + timedelta(milliseconds=640),
    )
