"""Lint migrations, or a raw script, and say what each would do to the database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from migrationops.conf import Conf, get_conf
from migrationops.exceptions import PreconditionError
from migrationops.lint import linter, live, registry
from migrationops.lint.finding import Finding, Severity, worst
from migrationops.lint.simulation.effects import Effect
from migrationops.lint.simulation.world import World
from migrationops.postgres import databases
from migrationops.rehearsal.copying import load_script
from migrationops.shadow.database import shadow_database


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptRequest:
    """A script, and the schema that it starts from; None: the live database's."""

    alias: str
    sql: Path
    schema: Path | None = None
    in_transaction: bool = True


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
            "locks": {name: mode.short for name, mode in effect.locks.items()},
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
    sql = _read(request.sql)
    conf = get_conf()
    world = _world(request, conf)
    world.atomic = request.in_transaction
    answers = linter.lint_script(sql, world, registry.active(conf.lint))
    return ScriptReport(
        statements=tuple(
            LintedStatement(effect=effect, findings=tuple(findings))
            for effect, findings in answers
        )
    )


def _world(request: ScriptRequest, conf: Conf) -> World:
    if request.schema is None:
        with databases.connect(request.alias) as connection:
            return live.read_world(connection)
    _read(request.schema)
    with shadow_database(request.alias, conf) as shadow:
        load_script(shadow, request.schema, conf)
        with shadow.connect() as connection:
            return live.read_world(connection)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise PreconditionError(f"{path} cannot be read: {exc}") from exc
