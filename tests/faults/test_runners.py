"""Many runners at once: one applies, the others find nothing left to do."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.outcome import refused, runner_at_work
from tests.shop import Shop

INDEX = (
    'AddIndexConcurrently("item", models.Index(fields=["name"], name="by_name_{0}"))'
)
FIELD = 'migrations.AddField("item", "price_{0}", models.IntegerField(null=True))'


@pytest.mark.parametrize(
    ("runners", "rounds"),
    [(3, 1), pytest.param(10, 5, marks=pytest.mark.faults)],
)
def test_exactly_one_applies(opened_shop: Shop, runners: int, rounds: int) -> None:
    opened_shop.ops.update(POLICY={"backup": "none"}, WAIT=100)
    last = "0001_expand_item"
    for number in range(rounds):
        last = pending(opened_shop, number, after=last)

        outcomes = race(opened_shop, runners)

        assert outcomes == {"applied": 1, "nothing to do": runners - 1}
        assert opened_shop.applied()[-1] == last
    invalid = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"
    assert opened_shop.query(invalid) == [(0,)]
    runs = "SELECT count(*) FROM migrationops_run WHERE state = 'done'"
    assert opened_shop.query(runs) == [(rounds + 1,)]


def pending(shop: Shop, number: int, *, after: str) -> str:
    """Write an atomic migration and one that builds an index concurrently."""
    field, index = f"{2 * number + 2:04d}_field", f"{2 * number + 3:04d}_index"
    shop.add(field, FIELD.format(number), after=after)
    shop.add(index, INDEX.format(number), after=field, atomic=False)
    return index


def race(shop: Shop, runners: int) -> Counter[str]:
    """Let all of them wait for the lock, then let go of it; return how they ended."""
    with runner_at_work(shop):
        processes = [shop.start("safe_migrate", "--json") for _ in range(runners)]
        for process in processes:
            assert process.stderr is not None
            assert "waiting up to" in process.stderr.readline()
    done = [shop.finish(process) for process in processes]
    assert [d.returncode for d in done] == [0] * runners, [d.stderr for d in done]
    return Counter(json.loads(d.stdout)["outcome"] for d in done)


def test_who_waits_for_a_restore_is_not_hurt_by_its_swap(opened_shop: Shop) -> None:
    """It ends every session in the database that it replaces."""
    with runner_at_work(opened_shop):
        process = opened_shop.start("backup", "--wait", "100")
        assert process.stderr is not None
        assert "waiting up to" in process.stderr.readline()
        opened_shop.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    done = opened_shop.finish(process)
    assert done.returncode == 0, done.stderr


def test_who_waits_is_told_when_the_server_is_lost(opened_shop: Shop) -> None:
    with runner_at_work(opened_shop):
        process = opened_shop.start("backup", "--wait", "100")
        assert process.stderr is not None
        assert "waiting up to" in process.stderr.readline()
        opened_shop.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'migrationops backup' AND datname = 'postgres'"
        )
        done = opened_shop.finish(process)
    refused(
        done, 1, "The server was lost, or ended", next_="When it is back, manage.py"
    )
