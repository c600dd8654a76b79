"""The little shop that every sample changes: its models, and rows in its tables."""

from __future__ import annotations

from django.db import migrations, models
from django.db.migrations.state import ProjectState

ROWS = 20_000

MODELS = [
    migrations.CreateModel(
        "Customer",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=50)),
            ("email", models.TextField(null=True)),
        ],
    ),
    migrations.CreateModel(
        "Order",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("number", models.IntegerField(null=True)),
            ("code", models.CharField(max_length=20, null=True)),
            ("note", models.TextField(null=True)),
            ("total", models.DecimalField(max_digits=10, decimal_places=2, null=True)),
            ("day", models.DateField(null=True)),
            ("made", models.DateTimeField(null=True)),
            ("state", models.CharField(max_length=10, default="new", db_default="new")),
            (
                "customer",
                models.ForeignKey("shop.Customer", models.PROTECT, null=True),
            ),
            ("customer_number", models.BigIntegerField(null=True)),
        ],
        options={"indexes": [models.Index(fields=["day"], name="order_day")]},
    ),
]

# Beside the models: what only SQL makes.
TABLES = """
INSERT INTO shop_customer (name) SELECT 'c' || g FROM generate_series(1, 20000) g;
INSERT INTO shop_order (number, code, customer_id, customer_number, total)
    SELECT g, 'k' || g, g, g, 1 FROM generate_series(1, 20000) g;
CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE DOMAIN anything AS int;
CREATE TABLE plain (id int, a int, b text, d anything DEFAULT 1, m mood DEFAULT 'ok');
INSERT INTO plain SELECT g, g, 'b' || g FROM generate_series(1, 20000) g;
CREATE VIEW orders AS SELECT id, number FROM shop_order;
CREATE MATERIALIZED VIEW summary AS SELECT id FROM shop_order;
CREATE TABLE part (id bigint, day date, x int) PARTITION BY RANGE (day);
CREATE TABLE part_2024 PARTITION OF part
    FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO part SELECT g, '2024-05-01', g FROM generate_series(1, 20000) g;
CREATE TABLE part_2025 (id bigint, day date, x int);
INSERT INTO part_2025 SELECT g, '2025-05-01', g FROM generate_series(1, 20000) g;
CREATE FUNCTION noop() RETURNS trigger LANGUAGE plpgsql
    AS $$BEGIN RETURN NEW; END$$;
ANALYZE;
"""


def state() -> ProjectState:
    """Return the project's state with the shop's models."""
    made = ProjectState()
    for operation in MODELS:
        operation.state_forwards("shop", made)
    return made
