"""A database of a session's own, which Django takes for its."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.db import connection
from psycopg import sql

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def own_database(server_params: dict[str, Any], suite_role: str) -> Iterator[str]:
    """Name an empty database on the test server, dropped in the end."""
    name = sql.Identifier(f"ground_{secrets.token_hex(4)}")
    with psycopg.connect(**server_params, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(
                name, sql.Identifier(suite_role)
            )
        )
        yield name.as_string().strip('"')
        admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


@contextmanager
def used_by_django(name: str, *, search_path: str = "") -> Iterator[None]:
    """Let the default alias be this database."""
    before = connection.settings_dict
    options = {**before["OPTIONS"]}
    if search_path:
        options["options"] = f"-c search_path={search_path}"
    connection.close()
    connection.settings_dict = {**before, "NAME": name, "OPTIONS": options}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict = before
