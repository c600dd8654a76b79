"""Each operation beside the operations of Django's that must give the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from migrationops import operations as safe
from tests.integration.operations.ground import APP


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Ours and Django's, from the same beginning; `both` says the field itself."""

    name: str
    ours: tuple[Any, ...]
    djangos: tuple[Any, ...]

    def __str__(self) -> str:
        return self.name


def beginning() -> list[Any]:
    """Return a customer with orders, of every kind that the cases change."""
    return [
        migrations.CreateModel(
            name="Customer",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=50)),
            ],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("note", models.CharField(max_length=40, null=True)),
                ("amount", models.IntegerField(default=0, db_column="the amount")),
                ("code", models.TextField(null=True)),
                ("loose", models.ForeignKey(
                    f"{APP}.customer", models.CASCADE, db_constraint=False,
                    db_index=False, related_name="+", null=True)),
                ("number", models.BigIntegerField(null=True, db_column="n_id")),
                ("buyer", models.ForeignKey(
                    f"{APP}.customer", models.CASCADE, related_name="+")),
                ("payers", models.ManyToManyField(
                    f"{APP}.customer", related_name="+")),
                ("slug", models.SlugField(unique=True)),
                ("count", models.PositiveIntegerField(db_default=1)),
            ],
            options={
                "db_table": "orders of every customer",
                "indexes": [models.Index(fields=["amount"], name="by_amount")],
            },
        ),
    ]  # fmt: skip


def _case(name: str, ours: Any, djangos: Any) -> Case:
    def many(value: Any) -> tuple[Any, ...]:
        return tuple(value) if isinstance(value, list) else (value,)

    return Case(name=name, ours=many(ours), djangos=many(djangos))


def _field(name: str, ours: Any, djangos: Any, field: str, make: Any) -> Case:
    return _case(name, ours("order", field, make()), djangos("order", field, make()))


def _constraint(name: str, ours: Any, make: Any) -> Case:
    return _case(
        name,
        ours("order", make()),
        migrations.AddConstraint("order", make()),
    )


def _added(name: str, make: Any, *, then: bool = True) -> Case:
    ours: list[Any] = [safe.AddFieldWithDefault("order", "extra", make())]
    if then:
        ours.append(safe.DropDatabaseDefault("order", "extra"))
    return _case(name, ours, migrations.AddField("order", "extra", make()))


def _customer(**options: Any) -> Any:
    target = f"{APP}.customer"
    return models.ForeignKey(target, models.CASCADE, related_name="+", **options)


def _model(name: str) -> Any:
    return next(o for o in beginning() if o.name == name)


def _retyped(name: str, make: Any) -> Case:
    ours = [
        safe.ChangeTypeExpand("order", name, make()),
        safe.ChangeTypeBackfill("order", name, make()),
        safe.ChangeTypeContract("order", name, make()),
    ]
    return _case(f"retyped {name}", ours, migrations.AlterField("order", name, make()))


def _renamed(old: str) -> Case:
    names = ("order", old, "renamed")
    ours = [
        safe.RenameFieldExpand(*names),
        safe.RenameFieldBackfill(*names),
        safe.RenameFieldContract(*names),
    ]
    return _case(f"renamed {old}", ours, migrations.RenameField(*names))


def _removed(name: str) -> Case:
    field = dict(_model("Order").fields)[name]
    ours = [safe.RemoveField("order", name), safe.DropColumn("order", name, field)]
    return _case(f"no {name}", ours, migrations.RemoveField("order", name))


CASES = [
    _field("not null", safe.SetNotNull, migrations.AlterField, "note",
           lambda: models.CharField(max_length=40)),
    _constraint("check", safe.AddCheck,
                lambda: models.CheckConstraint(condition=Q(amount__gte=0), name="pos")),
    _constraint("check with a percent", safe.AddCheck,
                lambda: models.CheckConstraint(
                    condition=~Q(note__contains="100%"), name="percent")),
    _constraint("unique", safe.AddUnique,
                lambda: models.UniqueConstraint(fields=["note", "amount"], name="u")),
    _constraint("unique deferred", safe.AddUnique,
                lambda: models.UniqueConstraint(
                    fields=["note"], name="u",
                    deferrable=models.Deferrable.DEFERRED)),
    _constraint("unique with nulls", safe.AddUnique,
                lambda: models.UniqueConstraint(
                    fields=["note"], name="u", nulls_distinct=False)),
    _constraint("unique in part", safe.AddUnique,
                lambda: models.UniqueConstraint(
                    fields=["note"], name="u", condition=Q(amount__gt=5),
                    include=["code"])),
    _constraint("unique by expression", safe.AddUnique,
                lambda: models.UniqueConstraint(Lower("note"), name="u")),
    _case("index", safe.AddIndex("order", models.Index(fields=["note"], name="i")),
          migrations.AddIndex("order", models.Index(fields=["note"], name="i"))),
    _case("index by expression",
          safe.AddIndex("order", models.Index(
              Lower("note"), F("amount").desc(), condition=Q(code="%"), name="i")),
          migrations.AddIndex("order", models.Index(
              Lower("note"), F("amount").desc(), condition=Q(code="%"), name="i"))),
    _case("no index", safe.RemoveIndex("order", "by_amount"),
          migrations.RemoveIndex("order", "by_amount")),
    _field("foreign key", safe.AddForeignKey, migrations.AddField, "customer",
           lambda: _customer(null=True)),
    _field("foreign key one to one", safe.AddForeignKey, migrations.AddField,
           "customer", lambda: models.OneToOneField(
               f"{APP}.customer", models.CASCADE, null=True, db_column="who")),
    _field("constrained", safe.ConstrainField, migrations.AlterField, "loose",
           lambda: _customer(null=True)),
    _field("number to foreign key", safe.ConstrainField, migrations.AlterField,
           "number", lambda: _customer(null=True, db_column="n_id")),
    _field("indexed", safe.ConstrainField, migrations.AlterField, "note",
           lambda: models.CharField(max_length=40, null=True, db_index=True)),
    _field("made unique", safe.ConstrainField, migrations.AlterField, "code",
           lambda: models.TextField(null=True, unique=True)),
    _field("made positive", safe.ConstrainField, migrations.AlterField, "amount",
           lambda: models.PositiveIntegerField(default=0, db_column="the amount")),
    _added("default", lambda: models.IntegerField(default=7)),
    _added("default with percent and quote", lambda: models.TextField(default="5%'s")),
    _added("default with check", lambda: models.PositiveIntegerField(default=1)),
    _added("default with index", lambda: models.CharField(
        max_length=9, default="x", db_index=True, db_column="Ex tra",
        db_comment="it's extra")),
    _added("database default", lambda: models.IntegerField(db_default=7), then=False),
    _added("database now", lambda: models.DateTimeField(db_default=Now()), then=False),
    _added("unique null", lambda: models.CharField(
        max_length=9, null=True, unique=True), then=False),
    _added("volatile", lambda: models.UUIDField(
        null=True, db_default=RandomUUID()), then=False),
    _removed("buyer"),
    _removed("payers"),
    _removed("slug"),
    _removed("count"),
    _removed("note"),
    _case("no model", [safe.DeleteModel("Order"), safe.DropTable(_model("Order"))],
          migrations.DeleteModel("Order")),
    _retyped("amount", lambda: models.BigIntegerField(
        default=0, db_column="the amount")),
    _retyped("slug", lambda: models.UUIDField(unique=True)),
    _retyped("code", lambda: models.CharField(max_length=20, null=True)),
    _retyped("count", lambda: models.PositiveBigIntegerField(db_default=1)),
    *map(_renamed, ["slug", "buyer", "count", "note"]),
]  # fmt: skip
