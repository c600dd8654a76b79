"""Standbys are reached where they are, and their sessions ended as far as one may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from migrationops.backups import followers
from migrationops.backups.source import open_source
from migrationops.exceptions import ConfigurationError, PreconditionError
from migrationops.postgres import databases
from tests.roles import needs_superuser, role

if TYPE_CHECKING:
    from tests.sandbox import Sandbox


@pytest.mark.parametrize("key", ["OPERATOR_URL", "DIRECT_URL"])
def test_a_url_gives_a_standby_its_login_and_not_the_primary_s_host(
    sandbox: Sandbox, settings: Any, key: str
) -> None:
    url = "postgresql://operator:word@primary.invalid:1/other"
    settings.MIGRATIONOPS = {**settings.MIGRATIONOPS, key: url}
    names = ("host", "dbname", "user", "password")

    found = databases.parameters(sandbox.alias, own_host=True)
    assert [found[n] for n in names] == [
        sandbox.params["host"],
        sandbox.name,
        "operator",
        "word",
    ]
    found = databases.parameters(sandbox.alias)
    assert [found[n] for n in names[:2]] == ["primary.invalid", sandbox.name]


def test_what_is_no_standby_is_said_before_anything_is_built(
    sandbox: Sandbox,
) -> None:
    source = open_source(sandbox.alias, sandbox.conf())
    with pytest.raises(PreconditionError, match="is no standby; nothing was changed"):
        followers.check(source, [sandbox.alias])
    with pytest.raises(ConfigurationError, match="no database alias 'nosuch'"):
        followers.check(source, ["nosuch"])


@needs_superuser("has a session that others may not end")
def test_who_may_not_be_ended_is_named_and_keeps_nobody_else(sandbox: Sandbox) -> None:
    with role(sandbox.params, "NOSUPERUSER") as name:
        own = {**sandbox.params, "user": name, "autocommit": True}
        with (
            sandbox.connect() as foreign,
            psycopg.connect(**own, dbname=sandbox.name) as ours,
            psycopg.connect(**own, dbname="postgres") as connection,
        ):
            found = followers.end_there(connection, sandbox.name)
            pid = foreign.info.backend_pid
            assert [f.split(" (")[0] for f in found] == [f"pid {pid}"]
            with pytest.raises(psycopg.OperationalError):
                ours.execute("SELECT 1")
