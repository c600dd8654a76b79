"""Every rule finds its bad sample, leaves its good one alone, and both are real."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from django.db import DatabaseError, connections, migrations, transaction
from django.db.migrations.state import ProjectState

from migrationops.lint import checking, collecting, live, registry
from migrationops.lint.simulation.simulate import simulate
from tests.samples import deploying, locking, rewriting, shop
from tests.sandbox import ALIAS, forget, new_sandbox, register

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pytest_django
    from django.db.migrations.operations.base import Operation

    from migrationops.lint.finding import Finding
    from migrationops.lint.simulation.world import World
    from tests.samples.sample import Sample
    from tests.sandbox import Sandbox

SAMPLES = {**rewriting.SAMPLES, **locking.SAMPLES, **deploying.SAMPLES}
RULES = registry.active({"DESIGN": True})


@pytest.fixture(scope="module")
def sandbox(
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: pytest_django.DjangoDbBlocker,
) -> Iterator[Sandbox]:
    """Return a database with the shop in it, shared by all samples."""
    with django_db_blocker.unblock():
        made = new_sandbox(tmp_path_factory.mktemp("samples"))
        made.create()
        register(made)
        try:
            base = migration("0001_initial", shop.MODELS)
            with connections[ALIAS].schema_editor() as editor:
                base.apply(ProjectState(), editor)
            made.sql(shop.TABLES)
            yield made
        finally:
            forget()
            made.drop()


@pytest.fixture(scope="module")
def base(sandbox: Sandbox) -> World:
    """Return what lint knows of that database."""
    with sandbox.connect() as connection:
        world = live.read_world(connection)
    world.complete = False
    return world


def migration(
    name: str, operations: Sequence[Operation], *, atomic: bool = True
) -> migrations.Migration:
    made = migrations.Migration(name, "shop")
    made.operations = list(operations)
    made.atomic = atomic
    return made


def lint(made: migrations.Migration, world: World) -> dict[str, Finding]:
    """Return the findings by rule."""
    unit, _state = collecting.collect(made, shop.state(), alias=ALIAS, world=world)
    assert [
        operation.problem for operation in unit.operations if operation.problem
    ] == []
    found = [
        finding
        for operation in unit.operations
        for finding in checking.check_operation(operation, RULES)
    ]
    found += checking.check_migration(unit, RULES)
    return {finding.rule: finding for finding in found}


def lint_script(sql: str, world: World) -> dict[str, Finding]:
    answers = checking.lint_script(sql, world, RULES)
    return {f.rule: f for _effect, findings in answers for f in findings}


def prepared(base: World, sample: Sample) -> World:
    """Return a copy of the world in which the sample's setup has run."""
    world = base.copy()
    if sample.version:
        world.facts = dataclasses.replace(world.facts, number=sample.version)
    world.atomic = False
    assert [e.failure for e in simulate(sample.setup, world) if e.failure] == []
    if "left_over" in sample.setup:
        plain = world.tables["public.plain"]
        broken = tuple(dataclasses.replace(i, valid=False) for i in plain.indexes)
        world.put(dataclasses.replace(plain, indexes=broken))
    return world


def test_every_rule_has_its_samples() -> None:
    assert set(SAMPLES) == {rule.id for rule in registry.built_in()}


@pytest.mark.parametrize("rule", SAMPLES)
def test_the_bad_sample_is_found_and_the_good_one_is_not(
    rule: str, base: World, sandbox: Sandbox
) -> None:
    sample = SAMPLES[rule]
    if base.facts.version < sample.least:
        pytest.skip(f"needs PostgreSQL {sample.least}")

    if sample.bad_script:
        bad = lint_script(sample.bad_script, prepared(base, sample))
        good = lint_script(sample.good_script, prepared(base, sample))
    else:
        made = migration(sample.bad_name, sample.bad, atomic=sample.bad_atomic)
        bad = lint(made, prepared(base, sample))
        made = migration(sample.good_name, sample.good, atomic=sample.good_atomic)
        good = lint(made, prepared(base, sample))

    assert rule in bad
    assert rule not in good, good[rule].message


def can_run(sample: Sample, *, atomic: bool) -> bool:
    return sample.runs and atomic and not sample.bad_script


@pytest.mark.parametrize("rule", [r for r, s in SAMPLES.items() if s.runs])
def test_the_atomic_samples_run_on_a_server(
    rule: str, base: World, sandbox: Sandbox
) -> None:
    sample = SAMPLES[rule]
    if base.facts.version < sample.least:
        pytest.skip(f"needs PostgreSQL {sample.least}")

    if can_run(sample, atomic=sample.bad_atomic):
        assert outcome(sample, sample.bad) == sample.fails
    if can_run(sample, atomic=sample.good_atomic):
        assert outcome(sample, sample.good) == ""


NOT_ATOMIC = [
    (rule, which)
    for rule, sample in SAMPLES.items()
    for which, atomic in (("bad", sample.bad_atomic), ("good", sample.good_atomic))
    if sample.runs and not atomic
]


@pytest.mark.deep
@pytest.mark.parametrize(("rule", "which"), NOT_ATOMIC)
def test_the_other_samples_run_on_a_server(
    rule: str, which: str, tmp_path: Path, django_db_blocker: Any
) -> None:
    """Each commits, so each has a database of its own."""
    sample = SAMPLES[rule]
    operations = sample.bad if which == "bad" else sample.good
    with django_db_blocker.unblock():
        made = new_sandbox(tmp_path)
        made.create()
        register(made)
        try:
            with connections[ALIAS].schema_editor() as editor:
                migration("0001_initial", shop.MODELS).apply(ProjectState(), editor)
            made.sql(shop.TABLES + sample.setup)
            with connections[ALIAS].schema_editor(atomic=False) as editor:
                last = migration("0002_sample", operations, atomic=False)
                last.apply(shop.state(), editor)
        finally:
            forget()
            made.drop()


def outcome(sample: Sample, operations: Sequence[Operation]) -> str:
    """Run and roll back; return the SQLSTATE of the failure, "" without one."""
    connection: Any = connections[ALIAS]
    made = migration("0002_expand_sample", operations)
    try:
        with transaction.atomic(using=ALIAS):
            if sample.setup:
                with connection.cursor() as cursor:
                    cursor.execute(sample.setup)
            with connection.schema_editor(atomic=False) as editor:
                made.apply(shop.state(), editor)
            transaction.set_rollback(True, using=ALIAS)
    except DatabaseError as exc:
        return str(getattr(exc.__cause__, "sqlstate", exc))
    return ""
