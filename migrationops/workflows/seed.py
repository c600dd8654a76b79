"""Seed an environment, gated by settings, option and stamp."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from migrationops import seeding, stamp
from migrationops.conf import get_conf
from migrationops.progress import Progress, ProgressCallback, Stage, State, silent
from migrationops.seeding import Order, Seeded
from migrationops.workflows.confirmation import Ask, confirm_name
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
    ask: Ask | None = None,
    report: ProgressCallback = silent,
) -> Report:
    """Seed the database in one transaction: all of it, or nothing.

    `ask` is asked for the name of what is emptied. Raises RefusedError with nothing
    changed.
    """
    conf = get_conf()
    seeding.require_seedable(conf, environment, order)
    standing = stamp.require_environment(alias, conf)
    if order.flush:
        confirm_name(ask, standing.database)
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


def event(state: State, label: str, rows: int = 0) -> Progress:
    """Return what a seed tells of itself."""
    return Progress(stage=Stage.SEED, state=state, label=label, done=rows, unit="rows")
