"""Every key between tenant tables carries the household: read from the catalog."""

from __future__ import annotations

import pytest
from django.db import connection

KEYS = """
SELECT c.conrelid::regclass::text, c.confrelid::regclass::text, c.conname,
       (SELECT array_agg(a.attname ORDER BY a.attname)
          FROM pg_attribute AS a
         WHERE a.attrelid = c.conrelid AND a.attnum = ANY (c.conkey)),
       c.condeferred, c.convalidated
  FROM pg_constraint AS c WHERE c.contype = 'f'
"""
COLUMNS = """
SELECT a.attrelid::regclass::text, a.attname
  FROM pg_attribute AS a JOIN pg_class AS r ON r.oid = a.attrelid
 WHERE r.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
   AND r.relname ~ '^(accounts|households|tasks|rewards)_'
"""
# Tables of ours that belong to no household.
GLOBAL = {
    "accounts_user",
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "households_household",
    "households_systemsetting",
}


@pytest.fixture
def columns(db: None) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS)
        for table, column in cursor.fetchall():
            found.setdefault(table, set()).add(column)
    return found


def test_every_tenant_table_names_its_household(columns: dict[str, set[str]]) -> None:
    without = {table for table, names in columns.items() if "household_id" not in names}
    assert without == GLOBAL
    assert len(columns) - len(GLOBAL) == 13


def test_every_key_between_tenant_tables_is_composite(
    columns: dict[str, set[str]],
) -> None:
    tenants = set(columns) - GLOBAL
    with connection.cursor() as cursor:
        cursor.execute(KEYS)
        keys = cursor.fetchall()
    between = [key for key in keys if {key[0], key[1]} <= tenants]
    assert [key[2] for key in between if "household_id" not in key[3]] == []
    assert all(len(key[3]) == 2 and key[4] and key[5] for key in between)
    assert len(between) == 28


def test_every_reference_column_has_a_key(columns: dict[str, set[str]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(KEYS)
        keyed = {(key[0], column) for key in cursor.fetchall() for column in key[3]}
    references = {
        (table, column)
        for table, names in columns.items()
        for column in names
        if column.endswith("_id")
    }
    assert references - keyed == set()
