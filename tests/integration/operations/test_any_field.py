"""Whatever the field and its names: the same catalog as Django's, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.db import migrations, models
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.models import Value
from django.db.models.functions import Now
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrationops import operations as safe
from tests.integration.operations.ground import Ground, state_with

if TYPE_CHECKING:
    from collections.abc import Callable

# Django itself cannot do with these three in a name, and counts characters where
# PostgreSQL counts bytes; "*" it never quotes.
LETTERS = {"exclude_characters": '"%$', "exclude_categories": ["C"]}
NAMES = (
    st.text(st.characters(codec="ascii", **LETTERS), min_size=1, max_size=63)
    | st.text(st.characters(codec="utf-8", **LETTERS), min_size=1, max_size=6)
).filter(lambda name: name == name.strip() != "*")

KINDS: dict[Callable[..., Any], tuple[Any, ...]] = {
    models.BooleanField: (True,),
    models.CharField: ("", "a'b", "50%"),
    models.DateTimeField: (),
    models.DecimalField: (0,),
    models.IntegerField: (0, -7),
    models.JSONField: (dict,),
    models.PositiveSmallIntegerField: (1,),
    models.TextField: ("", "x" * 200),
    models.UUIDField: (),
}
NEEDED = {
    models.CharField: {"max_length": 40},
    models.DecimalField: {"max_digits": 9, "decimal_places": 2},
}


@st.composite
def fields(draw: st.DrawFn, *, null: bool | None = None) -> Callable[..., Any]:
    """Draw a maker of equal fields, which takes options that override."""
    kind = draw(st.sampled_from(list(KINDS)))
    options: dict[str, Any] = {
        **NEEDED.get(kind, {}),
        "null": draw(st.booleans()) if null is None else null,
        "unique": kind is not models.JSONField and draw(st.booleans()),
        "db_index": kind is not models.JSONField and draw(st.booleans()),
        "db_comment": draw(st.sampled_from([None, "it's a comment"])),
        "db_column": draw(st.none() | NAMES),
    }
    if KINDS[kind]:
        value = draw(st.sampled_from(KINDS[kind]))
        plain = draw(st.booleans()) or callable(value)
        options |= {"default": value} if plain else {"db_default": Value(value)}
    elif kind is models.DateTimeField:
        options["db_default"] = Now()
    else:
        options["null"] = True
    return lambda **overrides: kind(**{**options, **overrides})


def base(table: str, **extra: Any) -> list[Any]:
    columns = [("id", models.BigAutoField(primary_key=True, db_column="the id"))]
    return [
        migrations.CreateModel(
            name="Thing",
            fields=[*columns, *extra.items()],
            options={"db_table": table},
        )
    ]


def assert_equal(ground: Ground, start: list[Any], ours: Any, djangos: Any) -> None:
    state = state_with(*start)
    ground.begin(start)
    ground.apply(state, djangos)
    wanted = ground.catalog()
    ground.begin(start)
    before = ground.catalog()

    after = ground.apply(state, *ours)
    assert ground.catalog() == wanted
    ground.unapply(state, *ours)
    assert ground.catalog() == before

    models_now = state_with(*start, djangos)
    assert MigrationAutodetector(after, models_now)._detect_changes() == {}


def added(make: Any, table: str, _other: str) -> tuple[Any, Any, Any]:
    ours = [safe.AddFieldWithDefault("thing", "new", make())]
    if not make().has_db_default():
        ours.append(safe.DropDatabaseDefault("thing", "new"))
    return base(table), ours, migrations.AddField("thing", "new", make())


def removed(make: Any, table: str, _other: str) -> tuple[Any, Any, Any]:
    ours = [
        safe.RemoveField("thing", "old"),
        safe.DropColumn("thing", "old", make()),
    ]
    return base(table, old=make()), ours, migrations.RemoveField("thing", "old")


def renamed(make: Any, table: str, _other: str) -> tuple[Any, Any, Any]:
    names = ("thing", "old", "new")
    ours = [
        safe.RenameFieldExpand(*names),
        safe.RenameFieldBackfill(*names),
        safe.RenameFieldContract(*names),
    ]
    start = base(table, old=make(db_column=None))
    return start, ours, migrations.RenameField(*names)


def filled(make: Any, table: str, _other: str) -> tuple[Any, Any, Any]:
    args = ("thing", "old", make(null=False))
    ours = [safe.SetNotNull(*args)]
    return base(table, old=make(null=True)), ours, migrations.AlterField(*args)


def indexed(make: Any, table: str, _other: str) -> tuple[Any, Any, Any]:
    args = ("thing", "old", make())
    start = base(table, old=make(unique=False, db_index=False))
    return start, [safe.ConstrainField(*args)], migrations.AlterField(*args)


def retyped(make: Any, table: str, column: str) -> tuple[Any, Any, Any]:
    like = make()
    options = {name: getattr(like, name) for name in ("null", "unique", "db_index")} | {
        "db_column": column
    }
    args: Any = ("thing", "old", models.BigIntegerField(**options))
    ours = [
        safe.ChangeTypeExpand(*args),
        safe.ChangeTypeBackfill(*args),
        safe.ChangeTypeContract(*args),
    ]
    start = base(table, old=models.CharField(max_length=9, **options))
    return start, ours, migrations.AlterField(*args)


CHANGES = [added, removed, renamed, filled, indexed, retyped]


def check(ground: Ground, data: st.DataObject) -> None:
    change = data.draw(st.sampled_from(CHANGES))
    start, ours, djangos = change(
        data.draw(fields()), data.draw(NAMES), data.draw(NAMES)
    )
    assert_equal(ground, start, ours, djangos)


suppressed = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]


@settings(max_examples=12, deadline=None, suppress_health_check=suppressed)
@given(data=st.data())
def test_any_field_ends_as_django_would_have_it(
    ground: Ground, data: st.DataObject
) -> None:
    check(ground, data)


@pytest.mark.deep
@settings(max_examples=400, deadline=None, suppress_health_check=suppressed)
@given(data=st.data())
def test_any_field_ends_as_django_would_have_it_at_length(
    ground: Ground, data: st.DataObject
) -> None:
    check(ground, data)
