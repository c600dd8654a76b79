"""Samples of index builds and of locks that others queue behind."""

from __future__ import annotations

from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
)
from django.db import migrations, models

from migrationops.operations import AddUnique
from tests.samples.sample import Sample, sql

FK = "FOREIGN KEY (customer_number) REFERENCES shop_customer NOT VALID"
NUMBER = models.UniqueConstraint(fields=["number"], name="order_number")
INDEX = models.Index(fields=["made"], name="order_made")

SAMPLES = {
    "add-unique-constraint": Sample(
        bad=[migrations.AddConstraint("order", NUMBER)],
        good=[AddUnique("order", NUMBER)],
        good_atomic=False,
    ),
    "add-primary-key": Sample(
        bad=sql("ALTER TABLE plain ADD PRIMARY KEY (id)"),
        good=sql(
            "CREATE TABLE fresh (id int)", "ALTER TABLE fresh ADD PRIMARY KEY (id)"
        ),
    ),
    "add-exclusion": Sample(
        setup="ALTER TABLE plain ADD COLUMN r int4range",
        bad=sql("ALTER TABLE plain ADD EXCLUDE USING gist (r WITH &&)"),
        good=sql("CREATE TABLE fresh (r int4range, EXCLUDE USING gist (r WITH &&))"),
    ),
    "create-index-blocking": Sample(
        bad=[migrations.AddIndex("order", INDEX)],
        good=[AddIndexConcurrently("order", INDEX)],
        good_atomic=False,
    ),
    "create-index-partitioned": Sample(
        bad=sql("CREATE INDEX part_x ON part (x)"),
        good=sql("CREATE INDEX part_x ON ONLY part (x)"),
    ),
    "reindex-blocking": Sample(
        bad=sql("REINDEX INDEX order_day"),
        good=sql("REINDEX INDEX CONCURRENTLY order_day"),
        good_atomic=False,
    ),
    "add-unique-partitioned": Sample(
        bad=sql("ALTER TABLE part ADD UNIQUE (id, day)"),
        good=sql("CREATE UNIQUE INDEX part_u ON ONLY part (id, day)"),
    ),
    "refresh-matview": Sample(
        bad=sql("REFRESH MATERIALIZED VIEW summary"),
        good=sql("CREATE MATERIALIZED VIEW other AS SELECT 1"),
    ),
    "alter-type-fk": Sample(
        bad=sql("ALTER TABLE shop_customer ALTER COLUMN id TYPE int"),
        good=sql("ALTER TABLE shop_customer ALTER COLUMN name TYPE varchar(60)"),
    ),
    "create-partition-of": Sample(
        bad=sql(
            "CREATE TABLE part_2026 PARTITION OF part "
            "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"
        ),
        good=sql("CREATE TABLE part_2026 (LIKE part INCLUDING ALL)"),
    ),
    "detach-partition": Sample(
        bad=sql("ALTER TABLE part DETACH PARTITION part_2024"),
        good=sql("ALTER TABLE part DETACH PARTITION part_2024 CONCURRENTLY"),
        good_atomic=False,
    ),
    "lock-without-timeout": Sample(
        bad=[],
        bad_script="ALTER TABLE plain ADD COLUMN n int",
        good_script="SET lock_timeout = '2s'; ALTER TABLE plain ADD COLUMN n int",
    ),
    "lock-timeout-ineffective": Sample(
        bad=sql("SET LOCAL lock_timeout = 0"),
        good=sql("SET LOCAL lock_timeout = '2s'"),
    ),
    "statement-after-ax": Sample(
        bad=sql(
            "ALTER TABLE plain ADD COLUMN n int",
            "UPDATE shop_order SET note = 'x'",
        ),
        good=sql("ALTER TABLE plain ADD COLUMN n int"),
    ),
    "multi-table-ax": Sample(
        bad=sql(
            "ALTER TABLE plain ADD COLUMN n int",
            "ALTER TABLE shop_order ADD COLUMN n int",
        ),
        good=sql(
            "ALTER TABLE plain ADD COLUMN n int",
            "ALTER TABLE plain ADD COLUMN n2 int",
        ),
    ),
    "multiple-fks-one-tx": Sample(
        bad=sql(
            "CREATE TABLE fresh (c bigint REFERENCES shop_customer, "
            "o bigint REFERENCES shop_order)"
        ),
        good=sql("CREATE TABLE fresh (c bigint REFERENCES shop_customer)"),
    ),
    "drop-touches-parent": Sample(
        bad=sql("ALTER TABLE shop_order DROP COLUMN customer_id"),
        good=sql("ALTER TABLE shop_order DROP COLUMN note"),
    ),
    "create-table-fk": Sample(
        bad=sql("CREATE TABLE fresh (c bigint REFERENCES shop_customer)"),
        good=sql("CREATE TABLE fresh (c bigint)"),
    ),
    "trigger-ddl": Sample(
        bad=sql(
            "CREATE TRIGGER tr BEFORE INSERT ON plain "
            "FOR EACH ROW EXECUTE FUNCTION noop()"
        ),
        good=sql(
            "CREATE TABLE fresh (a int)",
            "CREATE TRIGGER tr BEFORE INSERT ON fresh "
            "FOR EACH ROW EXECUTE FUNCTION noop()",
        ),
    ),
    "ax-metadata-ddl": Sample(
        bad=sql("ALTER TABLE plain ENABLE ROW LEVEL SECURITY"),
        good=sql("ALTER TABLE plain SET (fillfactor = 80)"),
    ),
    "drop-index-blocking": Sample(
        bad=[migrations.RemoveIndex("order", "order_day")],
        good=[RemoveIndexConcurrently("order", "order_day")],
        good_atomic=False,
    ),
    "explicit-lock-table": Sample(
        bad=sql("LOCK TABLE plain"),
        good=sql("LOCK TABLE plain IN ROW SHARE MODE"),
    ),
    "sux-ddl": Sample(
        bad=sql("ANALYZE plain"),
        good=sql("SELECT 1"),
    ),
    "concurrently-in-tx": Sample(
        bad=sql("CREATE INDEX CONCURRENTLY plain_a ON plain (a)"),
        good=sql("CREATE INDEX CONCURRENTLY plain_a ON plain (a)"),
        good_atomic=False,
        fails="25001",
    ),
    "cic-corruption-14": Sample(
        bad=sql("CREATE INDEX CONCURRENTLY plain_a ON plain (a)"),
        bad_atomic=False,
        good=sql("CREATE INDEX plain_a ON plain (a)"),
        version=140002,
    ),
    "concurrently-with-timeout": Sample(
        bad=sql("SET lock_timeout = '1s'", "CREATE INDEX CONCURRENTLY i ON plain (a)"),
        bad_atomic=False,
        good=sql("SET lock_timeout = 0", "CREATE INDEX CONCURRENTLY i ON plain (a)"),
        good_atomic=False,
    ),
    "cic-if-not-exists": Sample(
        bad=sql("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON plain (a)"),
        bad_atomic=False,
        good=sql("CREATE INDEX CONCURRENTLY i ON plain (a)"),
        good_atomic=False,
    ),
    "statement-timeout-policy": Sample(
        bad=sql(
            "SET statement_timeout = '5s'", "CREATE INDEX CONCURRENTLY i ON plain (a)"
        ),
        bad_atomic=False,
        good=sql("CREATE INDEX CONCURRENTLY i ON plain (a)"),
        good_atomic=False,
    ),
    "savepoint-holds-lock": Sample(
        bad=sql("ALTER TABLE plain ADD COLUMN n int", "SAVEPOINT s1"),
        good=sql("SAVEPOINT s1", "ALTER TABLE plain ADD COLUMN n int"),
    ),
    "runner-advisory-lock": Sample(
        bad=sql("SELECT pg_advisory_lock(1)"),
        good=sql("SELECT pg_try_advisory_lock(1)"),
    ),
    "pooler-transaction-mode": Sample(
        bad=sql("SET work_mem = '64MB'"),
        good=sql("SET LOCAL work_mem = '64MB'"),
    ),
    "fk-over-orphans": Sample(
        setup="UPDATE shop_order SET customer_number = -1 WHERE id = 1",
        bad=sql(f"ALTER TABLE shop_order ADD CONSTRAINT fk {FK[:-10]}"),
        good=sql(f"ALTER TABLE shop_order ADD CONSTRAINT fk {FK}"),
        fails="23503",
    ),
    "invalid-index-left": Sample(
        setup="CREATE INDEX left_over ON ONLY plain (a)",
        bad=sql("ALTER TABLE plain ADD COLUMN n int"),
        good=sql("ALTER TABLE shop_order ADD COLUMN n int"),
    ),
}
