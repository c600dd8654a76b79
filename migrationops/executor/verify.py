"""After the apply: does the database hold together?"""

from __future__ import annotations

from dataclasses import dataclass

from django.core import checks

from migrationops.exceptions import DiffersError
from migrationops.postgres import introspection
from migrationops.postgres.databases import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What was compared; the fingerprint is that of the catalog now."""

    catalog: str
    checks: int


def verify(connection: Connection, alias: str) -> Verification:
    """Look for INVALID indexes and run Django's database checks.

    Raises DiffersError; everything is applied then, and stays.
    """
    problems = [
        f"Index {name} is INVALID."
        for name in introspection.invalid_indexes(connection)
    ]
    messages = checks.run_checks(databases=[alias])
    problems += [str(m) for m in messages if m.level >= checks.ERROR]
    if problems:
        raise DiffersError(
            "Everything was applied and recorded, but: " + " ".join(problems),
            remedy="manage.py migration_status",
        )
    catalog = introspection.catalog(connection)
    return Verification(catalog=catalog.fingerprint, checks=len(messages))
