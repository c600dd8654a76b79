"""Seed an environment, gated by settings, option and stamp."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from migrationops import seeding, stamp
from migrationops.conf import get_conf
from migrationops.exceptions import RefusedError
from migrationops.progress import Progress, ProgressCallback, Stage, State, silent
from migrationops.seeding import Order, Seeded
from migrationops.workflows.preparation import locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What fixtures and scenario added; `generated` is rows by table."""

    database: str
    environment: str
    flushed: bool
    seeded: Seeded
    generated: dict[str, int]


def seed(
    *,
    alias: str,
    environment: str,
    order: Order,
    typed_name: str | None = None,
    report: ProgressCallback = silent,
) -> Report:
    """Seed the database in one transaction: all of it, or nothing.

    `typed_name` is what somebody typed who was asked what to empty; None was not asked.
    Raises RefusedError with nothing changed.
    """
    conf = get_conf()
    seeding.require_seedable(conf, environment, order)
    standing = stamp.require_environment(alias, conf)
    if order.flush:
        require_name(typed_name, standing.database)
    with locked(alias, conf, "seed", report=report), transaction.atomic(using=alias):
        if order.flush:
            seeding.clear(alias, conf)
            report(event(State.DONE, "emptied"))
        seeded = seeding.load_fixtures(alias, conf)
        report(event(State.DONE, "fixtures"))
        generated = seeding.run_scenario(
            alias, conf, order, lambda rows: report(event(State.ADVANCED, "rows", rows))
        )
    return Report(
        database=standing.database,
        environment=environment,
        flushed=order.flush,
        seeded=seeded,
        generated=generated,
    )


def require_name(typed: str | None, database: str) -> None:
    """Raise RefusedError when somebody who was asked typed another name."""
    if typed not in (None, database):
        raise RefusedError(
            f"The database is called {database!r}, not {typed!r}; nothing was changed.",
            remedy="Type its name, or use the right DATABASE_URL.",
        )


def event(state: State, label: str, rows: int = 0) -> Progress:
    """Return what a seed tells of itself."""
    return Progress(stage=Stage.SEED, state=state, label=label, done=rows, unit="rows")
