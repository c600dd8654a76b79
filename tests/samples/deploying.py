"""Samples of what fails, breaks running code, destroys, or surprises later."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models

from tests.samples.sample import Sample, sql

LONG = "n" * 64
NOT_VALID = "ALTER TABLE plain ADD CONSTRAINT ck CHECK (a > 100) NOT VALID"


def fill_all(apps: Any, schema_editor: Any) -> None:
    """Write every order at once, in whatever database."""
    order = apps.get_model("shop", "Order")
    for row in order.objects.all():
        row.note = "x"
        row.save()


def fill_batches(apps: Any, schema_editor: Any) -> None:
    """Write in batches, in the database that is migrated."""
    alias = schema_editor.connection.alias
    order = apps.get_model("shop", "Order")
    for row in order.objects.using(alias).iterator(chunk_size=1000):
        row.note = "x"
        row.save(using=alias)


def fill_real(apps: Any, schema_editor: Any) -> None:
    """Reach for today's model."""
    from django.contrib.auth.models import Group

    Group.objects.using(schema_editor.connection.alias).count()


def fill_by_sql(apps: Any, schema_editor: Any) -> None:
    """Execute what nobody can read beforehand."""
    schema_editor.execute("SELECT 1")


PYTHON = migrations.RunPython.noop
BATCHES = [migrations.RunPython(fill_batches, PYTHON)]

SAMPLES = {
    "enum-value-used-same-tx": Sample(
        bad=sql("ALTER TYPE mood ADD VALUE 'new'", "UPDATE plain SET m = 'new'"),
        good=sql("ALTER TYPE mood ADD VALUE 'new'"),
        fails="55P04",
    ),
    "transaction-control-in-migration": Sample(
        bad=sql("ALTER TABLE plain ADD COLUMN n int; COMMIT"),
        good=sql("ALTER TABLE plain ADD COLUMN n int"),
        runs=False,
    ),
    "unique-over-duplicates": Sample(
        setup="UPDATE plain SET a = 1 WHERE a < 3",
        bad=sql("CREATE UNIQUE INDEX plain_a ON plain (a)"),
        good=sql("CREATE INDEX plain_a ON plain (a)"),
        fails="23505",
    ),
    "check-over-violations": Sample(
        bad=sql("ALTER TABLE plain ADD CHECK (a > 100)"),
        good=sql(NOT_VALID),
        fails="23514",
    ),
    "view-dependency": Sample(
        bad=[migrations.AlterField("order", "number", models.BigIntegerField())],
        good=sql(
            "DROP VIEW orders",
            "ALTER TABLE shop_order ALTER COLUMN number TYPE bigint",
            "CREATE VIEW orders AS SELECT id, number FROM shop_order",
        ),
        fails="0A000",
    ),
    "identifier-too-long": Sample(
        bad=sql(f"CREATE TABLE {LONG} (a int)"),
        good=sql(f"CREATE TABLE {LONG[:63]} (a int)"),
    ),
    "drop-column": Sample(
        bad=[migrations.RemoveField("order", "note")],
        good=[
            migrations.SeparateDatabaseAndState(
                state_operations=[migrations.RemoveField("order", "note")]
            )
        ],
    ),
    "drop-table": Sample(
        bad=[migrations.DeleteModel("Order")],
        good=[
            migrations.SeparateDatabaseAndState(
                state_operations=[migrations.DeleteModel("Order")]
            )
        ],
        setup="DROP VIEW orders; DROP MATERIALIZED VIEW summary",
    ),
    "rename-column": Sample(
        bad=[migrations.RenameField("order", "note", "remark")],
        good=[
            migrations.AlterField(
                "order", "note", models.TextField(null=True, help_text="a remark")
            )
        ],
    ),
    "rename-table": Sample(
        bad=[migrations.AlterModelTable("order", "shop_purchase")],
        good=[migrations.AlterModelOptions("order", {"verbose_name": "purchase"})],
    ),
    "rename-enum-value": Sample(
        bad=sql("ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'"),
        good=sql("ALTER TYPE mood ADD VALUE 'fine'"),
    ),
    "add-required-column": Sample(
        bad=[migrations.AddField("order", "paid", models.BooleanField(default=False))],
        good=[
            migrations.AddField("order", "paid", models.BooleanField(db_default=False))
        ],
    ),
    "new-write-restriction": Sample(
        bad=sql(NOT_VALID),
        good=sql("CREATE TABLE fresh (a int CHECK (a > 0))"),
    ),
    "drop-default": Sample(
        bad=[
            migrations.AlterField(
                "order", "state", models.CharField(max_length=10, default="new")
            )
        ],
        good=[
            migrations.AlterField(
                "order",
                "state",
                models.CharField(max_length=10, default="new", db_default="new"),
            )
        ],
    ),
    "drop-not-null": Sample(
        bad=[
            migrations.AlterField(
                "customer", "name", models.CharField(max_length=50, null=True)
            )
        ],
        good=[
            migrations.AlterField("customer", "name", models.CharField(max_length=60))
        ],
    ),
    "drop-constraint": Sample(
        setup="ALTER TABLE plain ADD CONSTRAINT ck CHECK (a > 0)",
        bad=sql("ALTER TABLE plain DROP CONSTRAINT ck"),
        good=sql("ALTER TABLE plain RENAME CONSTRAINT ck TO ck2"),
    ),
    "drop-dependents": Sample(
        bad=sql("DROP VIEW orders"),
        good=sql("CREATE VIEW other AS SELECT 1 AS a"),
    ),
    "narrowing-type": Sample(
        bad=[
            migrations.AlterField("customer", "name", models.CharField(max_length=20))
        ],
        good=[
            migrations.AlterField("customer", "name", models.CharField(max_length=60))
        ],
    ),
    "json-column": Sample(
        bad=sql("ALTER TABLE plain ADD COLUMN j json"),
        good=[migrations.AddField("order", "data", models.JSONField(null=True))],
    ),
    "truncate": Sample(
        bad=sql("TRUNCATE plain"),
        good=sql("DELETE FROM plain WHERE id = 1"),
    ),
    "destructive-with-rows": Sample(
        bad=[migrations.RemoveField("order", "note")],
        good=[migrations.AddField("order", "extra", models.TextField(null=True))],
    ),
    "dml-without-where": Sample(
        bad=sql("UPDATE plain SET b = 'x'"),
        good=sql("UPDATE plain SET b = 'x' WHERE id < 1000"),
    ),
    "drop-database-schema": Sample(
        setup="CREATE SCHEMA old",
        bad=sql("DROP SCHEMA old"),
        good=sql("CREATE SCHEMA fresh"),
    ),
    "unbatched-dml": Sample(
        bad=sql("UPDATE shop_order SET note = 'x' WHERE note IS NULL"),
        good=sql("UPDATE shop_order SET note = 'x' WHERE id BETWEEN 1 AND 1000"),
    ),
    "nonatomic-half-done": Sample(
        bad=sql(
            "ALTER TABLE plain ADD COLUMN n int", "ALTER TABLE plain ADD COLUMN n2 int"
        ),
        bad_atomic=False,
        good=sql("ALTER TABLE plain ADD COLUMN n int"),
        good_atomic=False,
    ),
    "shadow-global-objects": Sample(
        bad=sql("CREATE ROLE sample_role"),
        good=sql("GRANT SELECT ON plain TO PUBLIC"),
    ),
    "irreversible-migration": Sample(
        bad=[migrations.RunSQL("SELECT 1")],
        good=[migrations.RunSQL("SELECT 1", migrations.RunSQL.noop)],
    ),
    "unanalysable-sql": Sample(
        bad=sql("DO $$BEGIN EXECUTE 'SELECT ' || '1'; END$$"),
        good=sql("DO $$BEGIN EXECUTE 'SELECT 1'; END$$"),
    ),
    "create-extension": Sample(
        bad=sql("CREATE EXTENSION IF NOT EXISTS plpgsql"),
        good=sql("SELECT 1"),
    ),
    "runpython-imports-models": Sample(
        bad=[migrations.RunPython(fill_real, PYTHON)], good=BATCHES, runs=False
    ),
    "runpython-ignores-alias": Sample(
        bad=[migrations.RunPython(fill_all, PYTHON)], good=BATCHES, runs=False
    ),
    "runpython-unbatched": Sample(
        bad=[migrations.RunPython(fill_all, PYTHON)], good=BATCHES, runs=False
    ),
    "runpython-after-ddl": Sample(
        bad=[
            migrations.AddField("order", "extra", models.TextField(null=True)),
            *BATCHES,
        ],
        good=BATCHES,
        runs=False,
    ),
    "own-tables": Sample(
        bad=sql("ALTER TABLE migrationops_run ADD COLUMN n int"),
        good=sql("ALTER TABLE plain ADD COLUMN n int"),
        runs=False,
    ),
    # --- design advice
    "fk-without-index": Sample(
        bad=sql("CREATE TABLE fresh (c bigint REFERENCES shop_customer)"),
        good=sql("CREATE TABLE fresh (c bigint PRIMARY KEY REFERENCES shop_customer)"),
    ),
    "fk-type-mismatch": Sample(
        bad=sql("CREATE TABLE fresh (c int REFERENCES shop_customer)"),
        good=sql("CREATE TABLE fresh (c bigint REFERENCES shop_customer)"),
    ),
    "int-primary-key": Sample(
        bad=sql("CREATE TABLE fresh (id int PRIMARY KEY)"),
        good=sql("CREATE TABLE fresh (id bigint PRIMARY KEY)"),
    ),
    "serial-vs-identity": Sample(
        bad=sql("CREATE TABLE fresh (id bigserial PRIMARY KEY)"),
        good=sql("CREATE TABLE fresh (id bigint GENERATED ALWAYS AS IDENTITY)"),
    ),
    "char-type": Sample(
        bad=sql("CREATE TABLE fresh (c char(5))"),
        good=sql("CREATE TABLE fresh (c text)"),
    ),
    "timestamp-without-tz": Sample(
        bad=sql("CREATE TABLE fresh (c timestamp)"),
        good=sql("CREATE TABLE fresh (c timestamptz)"),
    ),
    "varchar-limit": Sample(
        bad=sql("CREATE TABLE fresh (c varchar(5))"),
        good=sql("CREATE TABLE fresh (c varchar)"),
    ),
    "table-without-pk": Sample(
        bad=sql("CREATE TABLE fresh (id bigint)"),
        good=sql("CREATE TABLE fresh (id bigint PRIMARY KEY)"),
    ),
    "wide-index": Sample(
        bad=sql("CREATE INDEX wide ON shop_order (number, code, day, made)"),
        good=sql("CREATE INDEX wide ON shop_order (number, code, day)"),
    ),
    "hash-index": Sample(
        bad=sql("CREATE INDEX hashed ON plain USING hash (a)"),
        good=sql("CREATE INDEX hashed ON plain (a)"),
    ),
    "duplicate-index": Sample(
        bad=sql("CREATE INDEX again ON shop_order (day)"),
        good=sql("CREATE INDEX again ON shop_order (made)"),
    ),
    "redundant-like-index": Sample(
        bad=[
            migrations.AlterField(
                "order", "code", models.CharField(max_length=20, db_index=True)
            )
        ],
        good=[
            migrations.AddIndex(
                "order", models.Index(fields=["code"], name="order_code")
            )
        ],
        runs=False,
    ),
}
