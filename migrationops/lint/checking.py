"""Run the rules over a script, an operation, a migration."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from migrationops.lint.finding import Finding
from migrationops.lint.rule import (
    EventRule,
    Hit,
    MigrationRule,
    OperationRule,
    Rule,
    StatementRule,
    WorkRule,
)
from migrationops.lint.simulation.effects import Effect
from migrationops.lint.simulation.simulate import run, statements
from migrationops.lint.simulation.world import World
from migrationops.lint.units import MigrationUnit, OperationUnit, Step


def lint_script(
    sql: str, world: World, rules: Sequence[Rule]
) -> list[tuple[Effect, list[Finding]]]:
    """Return what each statement of a raw script does, and what is to be said of it."""
    answers = []
    previous: tuple[Effect, ...] = ()
    for index, statement in enumerate(statements(sql)):
        effect = run(statement, world, index)
        step = Step(effect=effect, world=world, previous=previous, script=True)
        answers.append((effect, list(check_step(step, rules))))
        previous = (*previous, effect)
    return answers


def check_step(step: Step, rules: Iterable[Rule]) -> Iterator[Finding]:
    """Yield what the statement rules find."""
    for rule in _concerned(step, rules):
        for hit in _distinct(rule.check(step)):
            yield _finding(rule, hit, sql=step.effect.sql)


def check_operation(unit: OperationUnit, rules: Sequence[Rule]) -> Iterator[Finding]:
    """Yield what the rules find in an operation and in its statements, each once."""
    migration = unit.migration
    place = {
        "app": migration.app_label,
        "migration": migration.name,
        "operation": unit.index,
    }
    found: dict[tuple[str, str], Finding] = {}
    for rule in rules:
        if isinstance(rule, OperationRule):
            for hit in _distinct(rule.check_operation(unit)):
                found.setdefault((rule.id, hit.table), _finding(rule, hit, **place))
    for step in unit.steps:
        for finding in check_step(step, rules):
            here = dataclasses.replace(
                finding,
                app=migration.app_label,
                migration=migration.name,
                operation=unit.index,
            )
            found.setdefault((finding.rule, finding.table), here)
    yield from found.values()


def check_migration(unit: MigrationUnit, rules: Iterable[Rule]) -> Iterator[Finding]:
    """Yield what the rules find in the migration as a whole."""
    migration = unit.migration
    for rule in rules:
        if isinstance(rule, MigrationRule):
            for hit in rule.check_migration(unit):
                yield _finding(
                    rule, hit, app=migration.app_label, migration=migration.name
                )


def _concerned(step: Step, rules: Iterable[Rule]) -> Iterator[StatementRule]:
    """Yield the statement rules whose trigger can be there; most cannot."""
    kinds = {event.kind for event in step.effect.events}
    causes = {touch.cause for touch in step.effect.touches}
    for rule in rules:
        if isinstance(rule, EventRule) and kinds.isdisjoint(rule.kinds):
            continue
        if isinstance(rule, WorkRule) and causes.isdisjoint(rule.causes):
            continue
        if isinstance(rule, StatementRule):
            yield rule


def _distinct(hits: Iterable[Hit]) -> list[Hit]:
    """Say a thing once a table."""
    return list({hit.table: hit for hit in hits}.values())


def _finding(rule: Rule, hit: Hit, **place: object) -> Finding:
    return Finding(
        rule=rule.id,
        severity=hit.severity,
        message=hit.message,
        remedy=hit.remedy or rule.remedy,
        table=hit.table,
        **place,  # type: ignore[arg-type]  # app, migration, operation, sql
    )
