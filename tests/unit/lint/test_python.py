"""What is read from a RunPython, and what is never executed."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from django.db import migrations, models
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from migrationops.executor.footprint import leading
from migrationops.lint import collecting, python
from migrationops.lint.footprints import footprints
from migrationops.lint.simulation.facts import Facts
from migrationops.lint.simulation.simulate import simulate
from migrationops.lint.simulation.world import World


def writes_all(apps: Any, schema_editor: Any, note: str = "") -> None:
    apps.get_model("shop", "Item").objects.all().update(note=note)


def careful(apps: Any, schema_editor: Any) -> None:
    alias = schema_editor.connection.alias
    apps.get_model("shop", "Item").objects.using(alias).filter(id=1).update(note="")


def closure() -> Any:
    item = "Item"

    def inner(apps: Any, schema_editor: Any) -> None:
        apps.get_model("shop", item).objects.update(note="")

    return inner


class Callable:
    def __call__(self, apps: Any, schema_editor: Any) -> None:
        apps.get_model("shop", "Item").objects.update(note="")


made_of_text: dict[str, Any] = {}
exec("def nowhere(apps, schema_editor): apps.objects.all()", made_of_text)


@pytest.mark.parametrize(
    "code",
    [writes_all, functools.partial(writes_all, note="x"), closure(), Callable()],
    ids=["function", "partial", "closure", "object"],
)
def test_whole_tables_without_an_alias_are_seen(code: Any) -> None:
    operation = migrations.RunPython(code)

    assert python.whole_table_calls(operation)
    assert python.ignores_alias(operation)


@pytest.mark.parametrize(
    "code",
    [careful, made_of_text["nowhere"], print, lambda apps, schema_editor: None],
    ids=["careful", "without source", "built in", "lambda"],
)
def test_nothing_is_said_of_the_others(code: Any) -> None:
    operation = migrations.RunPython(code)

    assert python.whole_table_calls(operation) == []
    assert not python.ignores_alias(operation)
    assert python.imported_models(operation) == []


def explode(apps: Any, schema_editor: Any) -> None:
    raise AssertionError("executed")


def test_python_is_never_executed_not_even_inside_another_operation() -> None:
    migration = migrations.Migration("0001_expand_x", "shop")
    migration.operations = [
        migrations.RunPython(explode),
        migrations.SeparateDatabaseAndState(
            [
                migrations.SeparateDatabaseAndState([migrations.RunPython(explode)]),
                migrations.CreateModel(
                    "Item", [("id", models.AutoField(primary_key=True))]
                ),
            ]
        ),
    ]

    world = World(complete=False)
    unit, _ = collecting.collect(
        migration, ProjectState(), alias="default", world=world
    )

    assert [o.problem for o in unit.operations] == ["", ""]
    assert "public.shop_item" in world.tables


class Writes(Operation):
    reduces_to_sql = False

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        pass

    def database_forwards(self, *args: Any) -> None:
        raise AssertionError("executed")


def test_an_operation_that_works_by_itself_is_not_executed() -> None:
    migration = migrations.Migration("0001_expand_x", "shop")
    migration.operations = [Writes()]

    unit, _ = collecting.collect(
        migration, ProjectState(), alias="default", world=World(complete=False)
    )

    (operation,) = unit.operations
    assert "which lint does not execute" in operation.problem


def test_python_inside_another_operation_is_read() -> None:
    inner = migrations.SeparateDatabaseAndState([migrations.RunPython(writes_all)])
    operation = migrations.SeparateDatabaseAndState([inner])

    assert python.is_python(operation)
    assert python.whole_table_calls(operation)


def test_tables_are_not_locked_early_for_what_python_inside_another_keeps() -> None:
    tables = "CREATE TABLE one (a int); CREATE TABLE two (a int)"
    world = World(facts=Facts(version=18))
    simulate(tables, world)
    world.end()
    migration = migrations.Migration("0001_expand_x", "shop")
    migration.operations = [
        migrations.SeparateDatabaseAndState([migrations.RunPython(explode)]),
        migrations.RunSQL("ALTER TABLE one ADD b int"),
        migrations.RunSQL("ALTER TABLE two ADD b int"),
    ]

    unit, _ = collecting.collect(
        migration, ProjectState(), alias="default", world=world
    )

    assert leading(footprints(unit)) == {}


class Broken(migrations.RunSQL):
    def database_forwards(self, *args: Any, **kwargs: Any) -> None:
        raise ValueError("no")


def test_an_operation_that_raises_is_unknown_and_the_rest_goes_on() -> None:
    migration = migrations.Migration("0001_expand_x", "shop")
    migration.operations = [Broken("SELECT 1"), migrations.RunSQL("SELECT 1")]

    unit, _ = collecting.collect(
        migration, ProjectState(), alias="default", world=World(complete=False)
    )

    first, second = unit.operations
    assert "ValueError: no" in first.problem
    assert len(second.steps) == 1
