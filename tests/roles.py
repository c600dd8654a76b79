"""The suite as roles that may do less than a superuser, and what then differs.

ROLE is that of the shops whose commands run; AS_OWNER that of the whole suite, which
`python -m tests.as_owner` starts, with SUPERUSER for what a test itself prepares.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

RIGHTS = {"creator": "CREATEDB", "owner": "NOCREATEDB"}
ROLE = os.environ.get("ROLE")
AS_OWNER = os.environ.get("AS_OWNER")
CREATES_NONE = "owner" in (ROLE, AS_OWNER)
OF_ANOTHER = b"""
CREATE SCHEMA theirs;
CREATE EXTENSION vector SCHEMA theirs;
CREATE FUNCTION theirs.noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER theirs ON ddl_command_end EXECUTE FUNCTION theirs.noted();
"""


def needs_superuser(why: str) -> pytest.MarkDecorator:
    """Skip a test that prepares or compares what only a superuser may."""
    return pytest.mark.skipif(
        ROLE is not None or AS_OWNER is not None, reason=f"only a superuser {why}"
    )


needs_createdb = pytest.mark.skipif(
    CREATES_NONE, reason="makes or renames a database itself"
)


def superuser(params: dict[str, Any]) -> dict[str, Any]:
    """Return how a test prepares what the role under test may not."""
    return {**params, "user": os.environ.get("SUPERUSER", params.get("user"))}


@contextmanager
def role(params: dict[str, Any], right: str) -> Iterator[str]:
    """Make a role that may log in and is no superuser."""
    name = f"role_{secrets.token_hex(4)}"
    with psycopg.connect(**params, autocommit=True) as connection:
        create = SQL("CREATE ROLE {} LOGIN {}").format(Identifier(name), SQL(right))
        connection.execute(create)
        try:
            yield name
        finally:
            connection.execute(SQL("DROP ROLE {}").format(Identifier(name)))
