"""What was committed is never called rolled back, whatever ended the run."""

from __future__ import annotations

import pytest

from tests.outcome import wait_for
from tests.shop import ADD_PRICE, Shop

GATE = 4716
AT_THE_GATE = (
    "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND locktype = 'advisory' "
    f"AND objid = {GATE} AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)
WAIT = f'migrations.RunSQL("SELECT pg_advisory_xact_lock({GATE})")'
JOURNAL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'migrationops safe_migrate'
"""


@pytest.mark.parametrize("more", [False, True])
def test_the_journals_session_ends_while_a_migration_runs(
    opened_shop: Shop, more: bool
) -> None:
    opened_shop.ops["POLICY"] = {"backup": "none"}
    opened_shop.add("0002_expand_gate", WAIT, ADD_PRICE, after="0001_expand_item")
    if more:
        opened_shop.add("0003_expand_no", after="0002_expand_gate")
    with opened_shop.connect() as gatekeeper:
        gatekeeper.execute("SELECT pg_advisory_lock(%s)", [GATE])
        process = opened_shop.start("safe_migrate")
        wait_for(opened_shop, AT_THE_GATE)
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
