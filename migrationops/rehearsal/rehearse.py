"""Rehearse a plan: a shadow of the live database, and a child process on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from migrationops import drift
from migrationops.conf import Conf
from migrationops.executor.footprint import leading
from migrationops.executor.recorded import Script
from migrationops.graph import Key
from migrationops.plan import Plan
from migrationops.postgres import databases, introspection
from migrationops.postgres.introspection import TableSize
from migrationops.postgres.table_locks import Lock
from migrationops.progress import ProgressCallback, Stage, silent, step
from migrationops.rehearsal.copying import copy_live
from migrationops.rehearsal.estimate import Estimate, estimate
from migrationops.rehearsal.record import Failure, Performance
from migrationops.schema import Catalog
from migrationops.shadow.database import Shadow, shadow_database
from migrationops.shadow.process import run_task


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a plan did on a shadow database, and what it would do to the live one.

    Holds for this plan and this live catalog only. `lacking` says what the shadow
    could not be given, `absent` labels the objects among that.
    """

    plan: str  # the plan's fingerprint
    catalog: str  # the live catalog's
    database: str
    server_version: int
    started: str
    performance: Performance
    with_data: bool = False  # on a copy of the live rows: measured, not estimated
    lacking: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    estimates: tuple[Estimate, ...] = ()

    @property
    def passed(self) -> bool:
        return self.performance.failure is None

    @property
    def scripts(self) -> tuple[Script, ...]:
        """Return the steps of each migration that is not atomic."""
        return tuple(
            replace(m.script, absent=self.absent)
            for m in self.performance.migrations
            if not m.atomic
        )

    @property
    def locks(self) -> dict[Key, dict[str, Lock]]:
        """Return what each atomic migration may lock first, by table."""
        return {
            (m.app, m.name): leading(step.footprint for step in m.steps)
            for m in self.performance.migrations
            if m.atomic
        }

    def holds_for(self, plan: Plan, catalog: str) -> bool:
        """Tell whether it need not be rehearsed again."""
        return self.passed and (self.plan, self.catalog) == (plan.fingerprint, catalog)

    def summary(self) -> dict[str, Any]:
        """Return what a report says of it; the history has the whole."""
        performance = self.performance
        return {
            "statements": len(performance.steps),
            "seconds": round(sum(m.seconds for m in performance.migrations), 3),
            "reversed": performance.reversed,
            "irreversible": list(performance.irreversible),
            "incompatible": list(performance.incompatible),
            "refusals": [r.to_json() for r in performance.refusals],
            "estimates": [asdict(e) for e in self.estimates],
            "with_data": self.with_data,
            "lacking": list(self.lacking),
        }

    def to_json(self) -> dict[str, Any]:
        performance = self.performance.to_json()
        return {
            **{key: getattr(self, key) for key in _PLAIN},
            "with_data": self.with_data,
            "lacking": list(self.lacking),
            "estimates": [asdict(e) for e in self.estimates],
            "absent": list(self.absent),
            "scripts": [script.to_json() for script in self.scripts],
            "performance": performance,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Rehearsal:
        return cls(
            **{key: data[key] for key in _PLAIN},
            with_data=data.get("with_data", False),
            lacking=tuple(data["lacking"]),
            absent=tuple(data.get("absent", ())),
            estimates=tuple(Estimate(**e) for e in data["estimates"]),
            performance=Performance.from_json(data["performance"]),
        )


_PLAIN = ("plan", "catalog", "database", "server_version", "started")


def rehearse(
    plan: Plan,
    conf: Conf,
    *,
    with_data: bool = False,
    report: ProgressCallback = silent,
) -> Rehearsal:
    """Run the plan on a shadow of its alias's database, with its rows or without.

    Raises PreconditionError or ToolMissingError when there can be no shadow; what
    the plan does wrong is in the result. The live database is only read.
    """
    started = datetime.now(UTC).isoformat()
    with databases.connect(plan.alias) as live:
        catalog = introspection.catalog(live)
        sizes = introspection.sizes(live)
        database, version = live.info.dbname, live.info.server_version
    with shadow_database(plan.alias, conf) as shadow:
        with step(report, Stage.REHEARSE, _FILLING[with_data]):
            lacking = copy_live(plan.alias, shadow, conf, with_data=with_data)
        with step(report, Stage.REHEARSE, "the plan on the shadow"):
            performance = _perform(plan, shadow)
    return Rehearsal(
        plan=plan.fingerprint,
        catalog=catalog.fingerprint,
        database=database,
        server_version=version,
        started=started,
        performance=performance,
        with_data=with_data,
        lacking=lacking,
        absent=_absent(catalog, lacking),
        estimates=_estimates(performance, sizes, measured=with_data),
    )


def _absent(catalog: Catalog, lacking: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels of the live objects that are told as missing."""
    nothing = Catalog()
    return tuple(
        found.label
        for found in (catalog.objects if lacking else ())
        for difference in drift.compare(Catalog(objects=(found,)), nothing).differences
        if str(difference) in lacking
    )


_FILLING = {False: "the live schema to a shadow", True: "the live rows to a shadow"}


def _estimates(
    performance: Performance, sizes: Mapping[str, TableSize], *, measured: bool
) -> tuple[Estimate, ...]:
    return tuple(
        found
        for migration in performance.migrations
        for each in migration.steps
        for found in estimate(migration.label, each, sizes, measured=measured)
    )


def _perform(plan: Plan, shadow: Shadow) -> Performance:
    outcome = run_task(
        "migrationops.rehearsal.perform:task",
        alias=plan.alias,
        shadow=shadow,
        migrations=[m.key for m in plan.migrations],
    )
    if outcome.error is None:
        return Performance.from_json(outcome.result)
    failure = Failure(migration="", operation="", error=outcome.error)
    return Performance(failure=failure, refusals=outcome.refusals)


def rehearse_on(plan: Plan, filled: Shadow) -> Performance:
    """Run the plan on a database that has its rows, and leave it as that leaves it."""
    return _perform(plan, filled)
