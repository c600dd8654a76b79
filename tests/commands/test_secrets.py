"""A password appears nowhere: no screen, no file, no row, no argument list."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fix_tcp import PASSWORD, ROLE
from tests.outcome import refused
from tests.programs import SlowPrograms
from tests.server import OwnServer
from tests.shop import ADD_PRICE, Shop

pytestmark = [pytest.mark.own_server, pytest.mark.postgres_tools]


def traces(shop: Shop) -> str:
    """Return everything that commands left behind, the dump itself included."""
    files = [p for p in shop.directory.rglob("*") if p.is_file() and p.suffix != ".pyc"]
    rows = shop.query(
        "SELECT r::text FROM migrationops_run r "
        "UNION ALL SELECT s::text FROM migrationops_step s"
    )
    texts = [p.read_bytes().decode(errors="replace") for p in files]
    return "\n".join([*texts, *(row[0] for row in rows)])


def test_a_wrong_password_is_not_told(tcp_shop: Shop) -> None:
    tcp_shop.variables["DATABASE_URL"] = tcp_shop.url.replace(PASSWORD, "wr0ng-secret")

    done = tcp_shop.run("safe_migrate")

    refused(done, 1, "password authentication failed", "nothing was changed")
    assert "wr0ng-secret" not in done.stdout + done.stderr
    assert not (tcp_shop.directory / "state").exists()


def test_a_wrong_operators_password_is_not_told(tcp_shop: Shop) -> None:
    done = tcp_shop.run(
        "safe_migrate",
        OPERATOR_URL=tcp_shop.url.replace(PASSWORD, "wr0ng-secret"),
    )

    refused(done, 1, "password authentication failed", "nothing was changed")
    assert "wr0ng-secret" not in done.stdout + done.stderr


def test_a_run_and_a_failure_leave_no_trace_of_it(
    tcp_shop: Shop, tcp_server: OwnServer, tmp_path: Path
) -> None:
    programs = SlowPrograms.make(tmp_path / "bin", tcp_server.programs)
    programs.go_on()
    tcp_shop.ops["PG_BIN"] = [str(programs.directory)]

    out = tcp_shop.succeed("safe_migrate", "--json", "-v3")
    tcp_shop.add(
        "0002_expand_broken",
        ADD_PRICE,
        "migrations.RunPython(fail)",
        after="0001_expand_item",
        extra="def fail(apps, schema_editor):\n"
        "    raise RuntimeError(schema_editor.connection.alias)\n",
    )
    done = tcp_shop.run("safe_migrate", "--json")

    refused(done, 5, "RuntimeError: default")
    everything = out + done.stdout + done.stderr + traces(tcp_shop)
    assert "backup-development" in everything
    assert "RuntimeError" in everything
    assert PASSWORD not in everything + programs.arguments
    assert ROLE not in programs.arguments
