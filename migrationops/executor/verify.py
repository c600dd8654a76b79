"""After the apply: does the database hold together?"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.core import checks

from migrationops.drift import compare
from migrationops.exceptions import DiffersError
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection
from migrationops.schema import Catalog


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was compared; the fingerprint is that of the catalog now."""

    catalog: str
    compared: int  # tables
    checks: int


def verify(
    connection: Connection,
    alias: str,
    *,
    expected: Catalog,
    gone: Sequence[str] = (),
    known_invalid: Collection[str] = (),
) -> Verification:
    """Compare with the rehearsed catalog, and run Django's database checks.

    `expected` holds the tables that the rehearsal touched, `gone` those it dropped;
    other tables may have changed meanwhile, and are not compared; nor are indexes
    that were INVALID before (`known_invalid`) ours to answer for. Raises DiffersError;
    everything is applied then, and stays.
    """
    problems = [
        f"Index {name} is INVALID."
        for name in introspection.invalid_indexes(connection)
        if name not in known_invalid
    ]
    names = [table.qualified_name for table in expected.tables]
    actual = introspection.catalog(connection, tables=[*names, *gone])
    tables = Catalog(tables=expected.tables)
    problems += [str(found) for found in compare(tables, actual).differences]
    messages = checks.run_checks(databases=[alias])
    problems += [str(m) for m in messages if m.level >= checks.ERROR]
    if problems:
        raise DiffersError(
            "Everything was applied and recorded, but: " + " ".join(problems),
            remedy="manage.py migration_status",
        )
    catalog = introspection.catalog(connection)
    return Verification(
        catalog=catalog.fingerprint, compared=len(names), checks=len(messages)
    )
