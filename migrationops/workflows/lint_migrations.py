"""Lint migrations, or a raw script, and say what each would do to the database."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db.migrations.loader import MigrationLoader

from migrationops import graph
from migrationops.conf import Conf, get_conf
from migrationops.exceptions import DatabaseError, RefusedError
from migrationops.graph import Key, Target
from migrationops.lint import baseline, changed, checking, live, registry
from migrationops.lint.finding import Finding, Severity, worst
from migrationops.lint.linter import lint_plan
from migrationops.lint.report import LintReport
from migrationops.lint.simulation.effects import Effect
from migrationops.lint.simulation.facts import DEFAULT
from migrationops.lint.simulation.world import World
from migrationops.postgres import databases, introspection
from migrationops.rehearsal.copying import load_script
from migrationops.shadow.database import shadow_database
from migrationops.workflows.scripts import read_script


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRequest:
    """A script, and the schema that it starts from; None: the live database's."""

    alias: str
    sql: Path
    schema: Path | None = None
    in_transaction: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which migrations: all, what is pending, or what changed since a revision."""

    alias: str
    target: Target
    pending: bool = False
    since: str = ""
    database: bool = True  # False: ask none, even if it is there
    baseline: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LintedStatement:
    """One statement of a script: what it does, and what is to be said of it."""

    effect: Effect
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        effect = self.effect
        failure = effect.failure
        return {
            "index": effect.index,
            "sql": effect.sql,
            "blocks": effect.blocks,
            "error": f"{failure.code} {failure.message}" if failure else None,
            "locks": {name: mode.name for name, mode in effect.locks.items()},
            "findings": [finding.to_json() for finding in self.findings],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptReport:
    """A script, statement by statement."""

    statements: tuple[LintedStatement, ...]

    @property
    def verdict(self) -> Severity:
        return worst(f.severity for s in self.statements for f in s.findings)

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "statements": [statement.to_json() for statement in self.statements],
        }


def lint_script(request: ScriptRequest) -> ScriptReport:
    """Read what a script would do; run none of it.

    The schema is loaded into a shadow database, to be read there.
    """
    sql = read_script(request.sql)
    conf = get_conf()
    world = _script_world(request, conf)
    world.atomic = request.in_transaction
    answers = checking.lint_script(sql, world, registry.active(conf.lint))
    return ScriptReport(
        statements=tuple(
            LintedStatement(effect=effect, findings=tuple(findings))
            for effect, findings in answers
        )
    )


def _script_world(request: ScriptRequest, conf: Conf) -> World:
    if request.schema is None:
        with databases.connect(request.alias) as connection:
            return live.read_world(connection)
    read_script(request.schema)
    with shadow_database(request.alias, conf) as shadow:
        load_script(shadow, request.schema, conf)
        with shadow.connect() as connection:
            return live.read_world(connection)


def lint_migrations(request: Request) -> LintReport:
    """Lint what is pending on the live catalog, or every migration by itself.

    Without a database the schema is what the migrations make of it.
    """
    conf = get_conf()
    report = _pending(request, conf) if request.pending else _every(request, conf)
    if request.baseline is None:
        return report
    known = baseline.read(request.baseline)
    new = tuple(f for f in report.findings if f.key not in known)
    return dataclasses.replace(
        report, findings=new, baselined=len(report.findings) - len(new)
    )


def lint_pending(
    loader: MigrationLoader, alias: str, conf: Conf, chosen: Collection[Key]
) -> LintReport:
    """Lint what is pending on this database, as one plan; tell of the chosen."""
    with databases.connect(alias) as connection:
        world = live.read_world(connection)
    world.complete = False  # migrations may rest on what the catalog leaves out
    applied = set(loader.applied_migrations)
    report = lint_plan(
        set(loader.graph.nodes) - applied,
        loader,
        world,
        registry.active(conf.lint),
        alias=alias,
        applied=applied,
    )
    return dataclasses.replace(
        report,
        findings=tuple(f for f in report.findings if (f.app, f.migration) in chosen),
        migrations=tuple(m for m in report.migrations if (m.app, m.name) in chosen),
    )


def _pending(request: Request, conf: Conf) -> LintReport:
    loader = graph.load(request.alias)
    return lint_pending(loader, request.alias, conf, _chosen(request, loader))


def _every(request: Request, conf: Conf) -> LintReport:
    world, sizes = _replay_world(request)
    loader = MigrationLoader(None, ignore_no_migrations=True)
    return lint_plan(
        _chosen(request, loader),
        loader,
        world,
        registry.active(conf.lint),
        alias=request.alias,
        sizes=sizes,
    )


def _replay_world(request: Request) -> tuple[World, dict[str, int]]:
    """Begin with nothing; take facts and sizes from a database that answers."""
    world = World(facts=DEFAULT, complete=False)
    if not request.database:
        return world, {}
    try:
        with databases.connect(request.alias) as connection:
            world.facts = live.read_facts(connection)
            sizes = introspection.sizes(connection)
    except DatabaseError:
        return world, {}
    return world, {name: size.rows for name, size in sizes.items()}


def _chosen(request: Request, loader: MigrationLoader) -> Collection[Key]:
    """Return the migrations that were asked for."""
    target = request.target
    keys: set[Key] = set(loader.graph.nodes)
    if target.app is not None:
        named = set(graph.leaves(loader, target))
        own = {key for key in keys if key[0] == target.app}
        keys = own if target.migration is None else named
    if request.since:
        keys &= changed.since(request.since, loader)
    return keys


def write_baseline(path: Path, report: LintReport) -> None:
    """Write down what is found today, so that only new findings count."""
    baseline.write(path, report.findings)


def require_harmless(report: LintReport) -> None:
    """Raise RefusedError when something is dangerous, and name it."""
    dangerous = [f for f in report.findings if f.severity is Severity.DANGEROUS]
    if dangerous:
        lines = [f"{f.app}.{f.migration}: {f.message} ({f.rule})" for f in dangerous]
        counted = f"{len(dangerous)} dangerous finding{'s' * (len(dangerous) > 1)}"
        raise RefusedError(
            "\n".join([f"{counted}; nothing was run.", *lines]),
            remedy="do what manage.py lint_migrations --pending says, have manage.py "
            "make_safe APP MIGRATION write it, or answer for it: "
            'lint_ignore = {"rule": "reason"} in the migration.',
        )
