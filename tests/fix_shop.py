"""Fixtures: a stranger's project on a database of its own."""

from __future__ import annotations

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

from tests.roles import AS_OWNER, OF_ANOTHER, RIGHTS, ROLE, role, superuser
from tests.shop import FIRST, Shop


@pytest.fixture(scope="session")
def server_params(django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    """Return how psycopg reaches the shared test server's maintenance database.

    As its superuser, also where the suite is none.
    """
    return superuser(_params(django_db_blocker))


@pytest.fixture(scope="session")
def suite_role(django_db_blocker: DjangoDbBlocker) -> str:
    """Name the role that the suite connects as."""
    return str(_params(django_db_blocker)["user"])


def _params(django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    with django_db_blocker.unblock():
        wrapper = connections["default"].copy()
        wrapper.settings_dict = {**wrapper.settings_dict, "NAME": "postgres"}
        params = cast("dict[str, Any]", wrapper.get_connection_params())
    wanted = ("host", "port", "user", "password", "dbname")
    return {key: params[key] for key in wanted if key in params}


@pytest.fixture(scope="session")
def shop_role(server_params: dict[str, Any], suite_role: str) -> Iterator[str]:
    """Name the role that the shops run as: what ROLE says, else the suite's own."""
    if ROLE is None:
        yield suite_role
    else:
        with role(server_params, RIGHTS[ROLE]) as name:
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
            foreign = owner != params["user"] and template == "template1"
            if foreign and AS_OWNER is None:  # else template1 has it
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
