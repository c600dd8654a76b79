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

from tests.shop import FIRST, Shop


@pytest.fixture(scope="session")
def server_params(django_db_blocker: DjangoDbBlocker) -> dict[str, Any]:
    """Return how psycopg reaches the shared test server's maintenance database."""
    with django_db_blocker.unblock():
        wrapper = connections["default"].copy()
        wrapper.settings_dict = {**wrapper.settings_dict, "NAME": "postgres"}
        params = cast("dict[str, Any]", wrapper.get_connection_params())
    wanted = ("host", "port", "user", "password", "dbname")
    return {key: params[key] for key in wanted if key in params}


@pytest.fixture
def shop(tmp_path: Path, server_params: dict[str, Any]) -> Iterator[Shop]:
    """Return a stranger's project on a new, empty database."""
    with (
        _database(server_params) as name,
        _ending(_shop(tmp_path, server_params, name)) as made,
    ):
        yield made


@pytest.fixture
def opened_shop(
    tmp_path: Path, server_params: dict[str, Any], shop_template: str
) -> Iterator[Shop]:
    """Return a stranger's project whose first migration is applied."""
    with (
        _database(server_params, template=shop_template) as name,
        _ending(_shop(tmp_path, server_params, name)) as made,
    ):
        yield made


@pytest.fixture(scope="session")
def shop_template(
    tmp_path_factory: pytest.TempPathFactory, server_params: dict[str, Any]
) -> Iterator[str]:
    """Name a database that safe_migrate brought to the first migration."""
    with _database(server_params) as name:
        made = _shop(tmp_path_factory.mktemp("template"), server_params, name)
        made.succeed("safe_migrate", POLICY={"backup": "none"})
        yield name


def _shop(directory: Path, params: dict[str, Any], name: str) -> Shop:
    made = Shop(
        directory=directory, url=_url(params, name), params={**params, "dbname": name}
    )
    made.write("0001_expand_item", FIRST)
    return made


@contextmanager
def _ending(made: Shop) -> Iterator[Shop]:
    try:
        yield made
    finally:
        made.end()


@contextmanager
def _database(params: dict[str, Any], template: str = "template1") -> Iterator[str]:
    """Make a database; drop it afterwards with all that commands derived from it."""
    name = f"shop_{secrets.token_hex(4)}"
    with psycopg.connect(**params, autocommit=True) as connection:
        connection.execute(
            SQL("CREATE DATABASE {} TEMPLATE {}").format(
                Identifier(name), Identifier(template)
            )
        )
        try:
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
