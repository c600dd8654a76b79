"""What was committed is never called rolled back, whatever ended the run."""

from __future__ import annotations

import pytest

from tests.gate import Gate
from tests.shop import ADD_PRICE, Shop

GATE = Gate(4716)
JOURNAL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'migrationops safe_migrate'
"""


@pytest.mark.parametrize("more", [False, pytest.param(True, marks=pytest.mark.faults)])
def test_the_journals_session_ends_while_a_migration_runs(
    opened_shop: Shop, more: bool
) -> None:
    opened_shop.ops["POLICY"] = {"backup": "none"}
    opened_shop.add(
        "0002_expand_gate", GATE.operation, ADD_PRICE, after="0001_expand_item"
    )
    if more:
        opened_shop.add("0003_expand_no", after="0002_expand_gate")
    with GATE.closed(opened_shop):
        process = opened_shop.start("safe_migrate")
        GATE.wait(opened_shop)
        assert opened_shop.query(JOURNAL)
    done = opened_shop.finish(process)

    assert opened_shop.applied()[1:] == ["0002_expand_gate"]
    assert done.returncode in (1, 6), done.stderr
    assert "0002_expand_gate failed" not in done.stderr
    assert "as before" not in done.stderr
    opened_shop.succeed("safe_migrate")
    assert opened_shop.query(
        "SELECT count(*) FROM migrationops_run WHERE state = 'open' OR post_migrate_due"
    ) == [(0,)]
