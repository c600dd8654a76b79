"""Fixtures: a stranger's project on a database of its own."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import psycopg
import pytest
from django.db import connections
from psycopg.sql import SQL, Identifier
from pytest_django.plugin import DjangoDbBlocker

from tests.shop import FIRST, Shop

needs_superuser = pytest.mark.skipif(
    "ROLE" in os.environ or "AS_OWNER" in os.environ, reason="a superuser's"
)
needs_createdb = pytest.mark.skipif(
    os.environ.get("ROLE") == "owner", reason="makes or renames a database itself"
)
ROLES = {"creator": "CREATEDB", "owner": "NOCREATEDB"}
OF_ANOTHER = b"""
CREATE SCHEMA theirs;
CREATE EXTENSION vector SCHEMA theirs;
CREATE FUNCTION theirs.noted() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER theirs ON ddl_command_end EXECUTE FUNCTION theirs.noted();
"""


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


@pytest.fixture(scope="session")
def server_params(django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    """Return how psycopg reaches the shared test server's maintenance database."""
    with django_db_blocker.unblock():
        wrapper = connections["default"].copy()
        wrapper.settings_dict = {**wrapper.settings_dict, "NAME": "postgres"}
        params = cast("dict[str, Any]", wrapper.get_connection_params())
    wanted = ("host", "port", "user", "password", "dbname")
    return {key: params[key] for key in wanted if key in params}


@pytest.fixture(scope="session")
def shop_role(server_params: dict[str, Any]) -> Iterator[str]:
    """Name the role that the shops run as: what ROLE says, else the server's own."""
    kind = os.environ.get("ROLE")
    if kind is None:
        yield server_params["user"]
    else:
        with role(server_params, ROLES[kind]) as name:
            yield name


@pytest.fixture
def shop(
    tmp_path: Path, server_params: dict[str, Any], shop_role: str
) -> Iterator[Shop]:
    """Return a stranger's project on a new, empty database."""
    with (
        database(server_params, owner=shop_role) as name,
        _ending(make_shop(tmp_path, server_params, name, shop_role)) as made,
    ):
        yield made


@pytest.fixture
def opened_shop(
    tmp_path: Path, server_params: dict[str, Any], shop_role: str, shop_template: str
) -> Iterator[Shop]:
    """Return a stranger's project whose first migration is applied."""
    with (
        database(server_params, owner=shop_role, template=shop_template) as name,
        _ending(make_shop(tmp_path, server_params, name, shop_role)) as made,
    ):
        yield made


@pytest.fixture(scope="session")
def shop_template(
    tmp_path_factory: pytest.TempPathFactory,
    server_params: dict[str, Any],
    shop_role: str,
) -> Iterator[str]:
    """Name a database that safe_migrate brought to the first migration."""
    with database(server_params, owner=shop_role) as name:
        directory = tmp_path_factory.mktemp("template")
        made = make_shop(directory, server_params, name, shop_role)
        made.succeed("safe_migrate", POLICY={"backup": "none"})
        yield name


def make_shop(directory: Path, params: dict[str, Any], name: str, user: str) -> Shop:
    """Write a stranger's project for the database, which is this user's."""
    params = {**params, "dbname": name, "user": user}
    made = Shop(directory=directory, url=_url(params, name), params=params)
    made.write("0001_expand_item", FIRST)
    return made


@contextmanager
def _ending(made: Shop) -> Iterator[Shop]:
    try:
        yield made
    finally:
        made.end()


@contextmanager
def database(
    params: dict[str, Any], *, owner: str, template: str = "template1"
) -> Iterator[str]:
    """Make a database; drop it afterwards with all that commands derived from it.

    That of another owner has what its superuser put there.
    """
    name = f"shop_{secrets.token_hex(4)}"
    with psycopg.connect(**params, autocommit=True) as connection:
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(
                Identifier(name), Identifier(template), Identifier(owner)
            )
        )
        try:
            if owner != params["user"] and template == "template1":
                with psycopg.connect(**{**params, "dbname": name}) as inside:
                    inside.execute(OF_ANOTHER)
            yield name
        finally:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [name]
            )
            for (found,) in rows.fetchall():
                connection.execute(
                    SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(found))
                )


def _url(params: Mapping[str, Any], name: str) -> str:
    password = f":{params['password']}" if params.get("password") else ""
    query = urlencode({"host": params["host"], "port": params.get("port") or 5432})
    return f"postgres://{params.get('user', '')}{password}@/{name}?{query}"
