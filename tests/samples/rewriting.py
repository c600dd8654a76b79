"""Samples of what rewrites a table, or reads it behind a blocking lock."""

from __future__ import annotations

from django.db import migrations, models
from django.db.models.functions import Now, Random

from migrationops.operations import AddCheck, AddForeignKey, SetNotNull
from tests.samples.sample import Sample, sql

CHECKED = "ALTER TABLE plain ADD CONSTRAINT ck CHECK (a IS NOT NULL)"
UNCHECKED = "ALTER TABLE plain ADD CONSTRAINT ck CHECK (a IS NOT NULL) NOT VALID"
FITS = "CHECK (day IS NOT NULL AND day >= '2025-01-01' AND day < '2026-01-01')"
ATTACH = (
    "ALTER TABLE part ATTACH PARTITION part_2025 "
    "FOR VALUES FROM ('2025-01-01') TO ('2026-01-01')"
)
CUSTOMER = models.ForeignKey("shop.Customer", models.PROTECT, null=True)

SAMPLES = {
    "add-column-volatile-default": Sample(
        bad=[
            migrations.AddField("order", "luck", models.FloatField(db_default=Random()))
        ],
        good=[
            migrations.AddField("order", "seen", models.DateTimeField(db_default=Now()))
        ],
    ),
    "add-column-serial": Sample(
        bad=sql("ALTER TABLE shop_order ADD COLUMN n bigserial"),
        good=sql(
            "CREATE SEQUENCE order_n",
            "ALTER TABLE shop_order ADD COLUMN n bigint",
            "ALTER TABLE shop_order ALTER n SET DEFAULT nextval('order_n')",
        ),
    ),
    "add-column-identity": Sample(
        bad=sql("ALTER TABLE plain ADD COLUMN n int GENERATED ALWAYS AS IDENTITY"),
        good=sql(
            "CREATE TABLE fresh (n int NOT NULL)",
            "ALTER TABLE fresh ALTER n ADD GENERATED ALWAYS AS IDENTITY",
        ),
    ),
    "add-column-generated-stored": Sample(
        bad=sql("ALTER TABLE plain ADD COLUMN n int GENERATED ALWAYS AS (a) STORED"),
        good=sql("ALTER TABLE plain ADD COLUMN n int"),
    ),
    "generated-set-expression": Sample(
        setup="ALTER TABLE plain ADD COLUMN n int GENERATED ALWAYS AS (a) STORED",
        bad=sql("ALTER TABLE plain ALTER COLUMN n SET EXPRESSION AS (a * 2)"),
        good=sql("ALTER TABLE plain ALTER COLUMN n DROP EXPRESSION"),
        least=17,
    ),
    "add-column-constrained-domain": Sample(
        bad=sql("ALTER TABLE plain ADD COLUMN n positive"),
        good=sql("ALTER TABLE plain ADD COLUMN n anything"),
    ),
    "alter-type-rewrite": Sample(
        bad=[
            migrations.AlterField(
                "order", "total", models.DecimalField(max_digits=12, decimal_places=4)
            )
        ],
        good=[
            migrations.AlterField(
                "order", "code", models.CharField(max_length=40, null=True)
            )
        ],
    ),
    "alter-type-using-expr": Sample(
        bad=sql("ALTER TABLE plain ALTER COLUMN b TYPE text USING lower(b)"),
        good=sql("ALTER TABLE plain ALTER COLUMN b TYPE text USING b"),
    ),
    "alter-type-index-rebuild": Sample(
        setup="CREATE INDEX plain_b ON plain (b)",
        bad=sql('ALTER TABLE plain ALTER COLUMN b TYPE text COLLATE "C"'),
        good=sql("ALTER TABLE plain ALTER COLUMN b TYPE varchar"),
    ),
    "set-logged-unlogged": Sample(
        bad=sql("ALTER TABLE plain SET UNLOGGED"),
        good=sql("ALTER TABLE plain SET LOGGED"),
    ),
    "table-rewrite-command": Sample(
        setup="CREATE INDEX plain_a ON plain (a)",
        bad=sql("CLUSTER plain USING plain_a"),
        good=sql("ALTER TABLE plain CLUSTER ON plain_a"),
    ),
    "alter-type-recheck": Sample(
        setup="ALTER TABLE shop_customer ADD CHECK (length(name) > 0)",
        bad=[
            migrations.AlterField("customer", "name", models.CharField(max_length=60))
        ],
        good=[
            migrations.AlterField(
                "order", "code", models.CharField(max_length=40, null=True)
            )
        ],
    ),
    "set-not-null": Sample(
        bad=sql("ALTER TABLE plain ALTER COLUMN a SET NOT NULL"),
        good=sql(
            UNCHECKED,
            "ALTER TABLE plain VALIDATE CONSTRAINT ck",
            "ALTER TABLE plain ALTER COLUMN a SET NOT NULL",
            "ALTER TABLE plain DROP CONSTRAINT ck",
        ),
        good_atomic=False,
    ),
    "set-not-null-bad-proof": Sample(
        setup="ALTER TABLE plain ADD CHECK (a > 0)",
        bad=sql("ALTER TABLE plain ALTER COLUMN a SET NOT NULL"),
        good=sql(CHECKED, "ALTER TABLE plain ALTER COLUMN a SET NOT NULL"),
    ),
    "set-not-null-drops-its-proof": Sample(
        setup=CHECKED,
        bad=sql("ALTER TABLE plain ALTER a SET NOT NULL, DROP CONSTRAINT ck"),
        good=sql(
            "ALTER TABLE plain ALTER a SET NOT NULL",
            "ALTER TABLE plain DROP CONSTRAINT ck",
        ),
    ),
    "set-not-null-on-notvalid-not-null": Sample(
        setup="ALTER TABLE plain ADD CONSTRAINT nn NOT NULL a NOT VALID",
        bad=sql("ALTER TABLE plain ALTER a SET NOT NULL"),
        good=sql("ALTER TABLE plain VALIDATE CONSTRAINT nn"),
        least=18,
    ),
    "add-not-null-constraint-valid": Sample(
        bad=sql("ALTER TABLE plain ADD CONSTRAINT nn NOT NULL a"),
        good=sql("ALTER TABLE plain ADD CONSTRAINT nn NOT NULL a NOT VALID"),
        least=18,
    ),
    "add-check-valid": Sample(
        bad=[
            migrations.AddConstraint(
                "order",
                models.CheckConstraint(
                    condition=models.Q(total__gte=0), name="order_total"
                ),
            )
        ],
        good=[
            AddCheck(
                "order",
                models.CheckConstraint(
                    condition=models.Q(total__gte=0), name="order_total"
                ),
            )
        ],
        good_atomic=False,
    ),
    "add-column-inline-check": Sample(
        bad=[
            migrations.AddField(
                "order", "count", models.PositiveIntegerField(null=True)
            )
        ],
        good=[migrations.AddField("order", "count", models.IntegerField(null=True))],
    ),
    "add-fk-valid": Sample(
        bad=sql(
            "ALTER TABLE shop_order ADD CONSTRAINT fk "
            "FOREIGN KEY (customer_number) REFERENCES shop_customer"
        ),
        good=[
            AddForeignKey(
                "order",
                "payer",
                models.ForeignKey(
                    "shop.Customer", models.PROTECT, null=True, related_name="paid"
                ),
            )
        ],
        good_atomic=False,
    ),
    "add-column-references": Sample(
        bad=sql("ALTER TABLE plain ADD COLUMN c bigint REFERENCES shop_customer"),
        good=sql("ALTER TABLE plain ADD COLUMN c bigint"),
    ),
    "constraint-enforce-scan": Sample(
        setup=(
            "ALTER TABLE shop_order ADD CONSTRAINT fk FOREIGN KEY (customer_number) "
            "REFERENCES shop_customer NOT ENFORCED"
        ),
        bad=sql("ALTER TABLE shop_order ALTER CONSTRAINT fk ENFORCED"),
        good=sql("ALTER TABLE shop_order DROP CONSTRAINT fk"),
        least=18,
    ),
    "validate-in-adding-tx": Sample(
        bad=sql(UNCHECKED, "ALTER TABLE plain VALIDATE CONSTRAINT ck"),
        good=sql(UNCHECKED, "ALTER TABLE plain VALIDATE CONSTRAINT ck"),
        good_atomic=False,
    ),
    "pk-using-index-nullable": Sample(
        setup="CREATE UNIQUE INDEX plain_id ON plain (id)",
        bad=sql("ALTER TABLE plain ADD PRIMARY KEY USING INDEX plain_id"),
        good=sql(
            "ALTER TABLE plain ADD CONSTRAINT ck CHECK (id IS NOT NULL)",
            "ALTER TABLE plain ADD PRIMARY KEY USING INDEX plain_id",
        ),
    ),
    "attach-partition-unproven": Sample(
        bad=sql(ATTACH),
        good=sql(f"ALTER TABLE part_2025 ADD CONSTRAINT fits {FITS}", ATTACH),
    ),
    "domain-constraint": Sample(
        bad=sql("ALTER DOMAIN anything ADD CONSTRAINT dc CHECK (VALUE > 0)"),
        good=sql("ALTER DOMAIN anything ADD CONSTRAINT dc CHECK (VALUE > 0) NOT VALID"),
    ),
    "dml-in-ddl-tx": Sample(
        bad=sql("ALTER TABLE plain ADD COLUMN n int", "UPDATE plain SET n = 1"),
        good=sql("ALTER TABLE plain ADD COLUMN n int DEFAULT 1"),
    ),
    "not-null-over-nulls": Sample(
        bad=sql("ALTER TABLE shop_order ALTER COLUMN note SET NOT NULL"),
        good=[
            SetNotNull(
                "order", "customer", models.ForeignKey("shop.Customer", models.PROTECT)
            )
        ],
        good_atomic=False,
        fails="23502",
    ),
}
