"""Lint migrations in the order in which they run."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from migrationops.executor.footprint import leading
from migrationops.graph import Key
from migrationops.lint import checking, collecting, python, suppression
from migrationops.lint.finding import Finding, Suppressed, worst
from migrationops.lint.footprints import footprints
from migrationops.lint.report import Foretold, LintReport, Verdict
from migrationops.lint.rule import Rule
from migrationops.lint.simulation.world import World
from migrationops.lint.units import MigrationUnit
from migrationops.postgres.table_locks import Lock


@dataclass(slots=True, kw_only=True)
class _Tally:
    findings: list[Finding] = field(default_factory=list)
    suppressed: list[Suppressed] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    foretold: list[Foretold] = field(default_factory=list)
    locks: dict[Key, dict[str, Lock]] = field(default_factory=dict)

    def add(self, key: Key, unit: MigrationUnit, rules: Sequence[Rule]) -> None:
        found = [
            finding
            for operation in unit.operations
            for finding in checking.check_operation(operation, rules)
        ]
        found += checking.check_migration(unit, rules)
        stand, suppressed = suppression.split(found, unit.migration)
        self.findings += stand
        self.suppressed += suppressed
        verdict = worst(finding.severity for finding in stand)
        self.verdicts.append(Verdict(app=key[0], name=key[1], verdict=verdict))
        if unit.migration.atomic and len(locks := leading(footprints(unit))) > 1:
            self.locks[key] = locks
        steps = [s for operation in unit.operations for s in operation.steps]
        self.foretold += [
            Foretold(migration=".".join(key), sql=s.effect.sql, blocks=s.effect.blocks)
            for s in steps
        ]


def lint_plan(
    wanted: Collection[Key],
    loader: MigrationLoader,
    world: World,
    rules: Sequence[Rule],
    *,
    alias: str,
    applied: Collection[Key] = (),
    sizes: Mapping[str, int] | None = None,
) -> LintReport:
    """Lint the wanted migrations; walk through the others.

    The world is what the applied ones left. With `sizes` (rows by table, may be
    empty) every migration counts as a release of its own, on tables so big; without,
    the migrations are one plan, and a table that it makes is empty in it.
    """
    tally = _Tally()
    walked = walk(loader, world, alias=alias, applied=applied, sizes=sizes)
    for key, unit in walked:
        if key in wanted:
            tally.add(key, unit, rules)
    return LintReport(
        findings=tuple(tally.findings),
        suppressed=tuple(tally.suppressed),
        migrations=tuple(tally.verdicts),
        foretold=tuple(tally.foretold),
        locks=tally.locks,
        unknown=_unknown(world, sizes),
    )


def walk(
    loader: MigrationLoader,
    world: World,
    *,
    alias: str,
    applied: Collection[Key] = (),
    sizes: Mapping[str, int] | None = None,
) -> Iterator[tuple[Key, MigrationUnit]]:
    """Yield each migration that is not applied, in order; the world moves along."""
    state = ProjectState(real_apps=loader.unmigrated_apps)
    for key in _order(loader):
        migration = loader.graph.nodes[key]
        if key in applied:
            state = migration.mutate_state(state, preserve=False)
            continue
        if "apps" not in state.__dict__:
            state.apps  # noqa: B018 - rendered once; clones of it are cheap
        unit, state = collecting.collect(migration, state, alias=alias, world=world)
        yield key, unit
        _settle(world, unit, sizes)


def _order(loader: MigrationLoader) -> Iterable[Key]:
    seen: dict[Key, None] = {}
    for leaf in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(leaf):
            seen.setdefault(key)
    return seen


def _settle(world: World, unit: MigrationUnit, sizes: Mapping[str, int] | None) -> None:
    """Say how big the tables are when the next migration comes."""
    if sizes is not None:
        world.rows, world.made = dict(sizes), set()
    elif any(python.is_python(o.operation) for o in unit.operations):
        filled = {name: None for name, rows in world.rows.items() if rows == 0}
        world.rows = {**world.rows, **filled}


def _unknown(world: World, sizes: Mapping[str, int] | None) -> tuple[str, ...]:
    if world.facts.live and (sizes is None or sizes):
        return ()
    missing = ["the number of rows of each table"] if not sizes else []
    if not world.facts.live:
        missing += ["the server's version, casts and functions", "the live schema"]
    return tuple(missing)
