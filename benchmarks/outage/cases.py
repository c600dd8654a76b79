"""Each change as Django's operations and as ours, in migrations by phase."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

FIRST = """
        migrations.CreateModel("Customer", [
            ("id", models.BigAutoField(primary_key=True)),
        ]),
        migrations.CreateModel("Order", [
            ("id", models.BigAutoField(primary_key=True)),
            ("customer", models.ForeignKey("shop.customer", models.CASCADE)),
            ("note", models.CharField(max_length=40, null=True)),
            ("loud", models.TextField(null=True)),
            ("amount", models.IntegerField()),
            ("ref", models.BigIntegerField()),
        ]),
"""
HEAD = """from django.db import migrations, models
from django.db.models import Q, Value
from django.db.models.functions import Upper
from migrationops import operations as safe


def shout(apps, editor):
    rows = apps.get_model("shop", "order").objects.using(editor.connection.alias)
    rows.filter(loud__isnull=True).update(loud=Upper("note"))


class Migration(migrations.Migration):
    atomic = {atomic}
    dependencies = {dependencies}
    operations = [{operations}]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One change; `djangos` is one migration, `ours` may be several."""

    name: str
    djangos: str
    ours: tuple[str, ...] = field(default=())


NOTE = "models.CharField(max_length=40)"
BIG = "models.BigIntegerField()"
PAYER = (
    'models.ForeignKey("shop.customer", models.CASCADE, null=True, related_name="+")'
)
INDEX = 'models.Index(fields=["note"], name="by_note")'
ONCE = 'models.UniqueConstraint(fields=["ref"], name="once")'
STARS = "models.IntegerField(default=3)"

CASES = [
    Case(
        name="AddField",
        djangos='migrations.AddField("order", "memo", models.TextField(null=True))',
        ours=(
            'safe.AddFieldWithDefault("order", "memo", models.TextField(null=True))',
        ),
    ),
    Case(
        name="AddField, default",
        djangos=f'migrations.AddField("order", "stars", {STARS})',
        ours=(f'safe.AddFieldWithDefault("order", "stars", {STARS})',),
    ),
    Case(
        name="AddIndex",
        djangos=f'migrations.AddIndex("order", {INDEX})',
        ours=(f'safe.AddIndex("order", {INDEX})',),
    ),
    Case(
        name="SET NOT NULL",
        djangos=f'migrations.AlterField("order", "note", {NOTE})',
        ours=(f'safe.SetNotNull("order", "note", {NOTE})',),
    ),
    Case(
        name="foreign key",
        djangos=f'migrations.AddField("order", "payer", {PAYER})',
        ours=(f'safe.AddForeignKey("order", "payer", {PAYER})',),
    ),
    Case(
        name="UNIQUE",
        djangos=f'migrations.AddConstraint("order", {ONCE})',
        ours=(f'safe.AddUnique("order", {ONCE})',),
    ),
    Case(
        name="type change",
        djangos=f'migrations.AlterField("order", "amount", {BIG})',
        ours=tuple(
            f'safe.ChangeType{phase}("order", "amount", {BIG})'
            for phase in ("Expand", "Backfill", "Contract")
        ),
    ),
    Case(
        name="backfill",
        djangos="migrations.RunPython(shout)",
        ours=('safe.Backfill("order", {"loud": Upper("note")}, Q(loud__isnull=True))',),
    ),
]


def write(directory: Path, operations: tuple[str, ...], *, atomic: bool) -> None:
    """Write the first migration and those of a case, one operation each."""
    directory.mkdir(parents=True, exist_ok=True)
    directory.joinpath("__init__.py").touch()
    previous: list[tuple[str, str]] = []
    for number, operation in enumerate((FIRST, *operations), 1):
        name = f"{number:04d}_bench"
        source = HEAD.format(
            atomic=atomic or number == 1, dependencies=previous, operations=operation
        )
        directory.joinpath(f"{name}.py").write_text(source)
        previous = [("shop", name)]
