"""Who stands in the way is named before anything queues, and ended by a rule only."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
import pytest

from tests.nursery import Forked
from tests.shop import ADD_PRICE, Shop, program_directory

QUERY = 'migrations.RunSQL("SELECT count(*) FROM shop_item")'
LOCK = 'migrations.RunSQL("LOCK TABLE held IN EXCLUSIVE MODE")'
INDEX = 'AddIndexConcurrently("item", models.Index(fields=["name"], name="by_name"))'

TRIGGER = """migrations.RunSQL(
    "CREATE TRIGGER t BEFORE UPDATE ON shop_item FOR EACH ROW "
    "EXECUTE FUNCTION suppress_redundant_updates_trigger()"
)"""
OLD = (
    "SELECT count(*) > 0 FROM pg_stat_activity "
    "WHERE application_name = 'a long reader' AND xact_start < now() - interval '0.2 s'"
)


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    opened_shop.ops["POLICY"] = {"backup": "none", "lock_timeout": 0.4}
    # A query before it holds nobody up.
    opened_shop.add("0002_expand_price", QUERY, ADD_PRICE, after="0001_expand_item")
    return opened_shop


def reader(shop: Shop) -> psycopg.Connection[tuple[object, ...]]:
    """Return a session that has read the table and keeps its transaction open."""
    connection = shop.connect(autocommit=False, application_name="a long reader")
    connection.execute("SELECT count(*) FROM shop_item")
    return connection


def read_until(process: subprocess.Popen[str] | Forked, words: str) -> str:
    """Return the first line of a run's progress that has these words."""
    assert process.stderr is not None
    lines = [process.stderr.readline()]
    while words not in lines[-1]:
        assert lines[-1], "".join(lines)
        lines.append(process.stderr.readline())
    return lines[-1]


def test_writers_go_on_while_a_run_waits_for_a_reader(ready: Shop) -> None:
    """Queued behind the reader, the ALTER would make every writer wait for it."""
    with reader(ready) as blocker:
        process = ready.start("safe_migrate")
        line = read_until(process, "not queued yet")
        with ready.connect(options="-c lock_timeout=100ms") as writer:
            for _ in range(20):
                writer.execute("INSERT INTO shop_item (name) VALUES ('new')")
        blocker.commit()
        done = ready.finish(process)

    assert "a long reader" in line
    assert done.returncode == 0, done.stderr
    assert "price" in ready.columns()


def test_a_dump_of_others_is_found_and_nothing_queues_behind_it(
    ready: Shop, tmp_path: Path
) -> None:
    """It reads for hours, and whoever queues behind it keeps every reader out."""
    ready.execute("CREATE TABLE later (n int)")
    command = [program_directory() / "pg_dump", "-f", tmp_path / "dump"]
    with ready.connect(autocommit=False) as holder:
        holder.execute("LOCK TABLE later IN ACCESS EXCLUSIVE MODE")
        dump = subprocess.Popen(command, env={**os.environ, **libpq(ready)})
        ready.wait_for(DUMPING)  # it has locked the one and waits for the other
        process = ready.start("safe_migrate")
        line = read_until(process, "not queued yet")
        with ready.connect(options="-c lock_timeout=100ms") as client:
            client.execute("SELECT count(*) FROM shop_item")
        holder.rollback()
        done = ready.finish(process)
        assert dump.wait(30) == 0

    assert "pg_dump" in line
    assert done.returncode == 0, done.stderr


DUMPING = """
SELECT count(*) > 0 FROM pg_stat_activity a JOIN pg_locks l USING (pid)
WHERE application_name = 'pg_dump' AND granted AND relation = 'shop_item'::regclass
"""


def libpq(shop: Shop) -> dict[str, str]:
    """Return how any client program reaches the shop's database."""
    names = {
        "host": "PGHOST",
        "port": "PGPORT",
        "user": "PGUSER",
        "dbname": "PGDATABASE",
    }
    return {v: str(shop.params[k]) for k, v in names.items() if k in shop.params}


def test_a_reader_holds_up_nothing_that_lets_him_read(ready: Shop) -> None:
    """A trigger's SHARE ROW EXCLUSIVE has no quarrel with him, nor with his age."""
    ready.add("0002_expand_price", TRIGGER, after="0001_expand_item")
    with reader(ready) as blocker:
        ready.wait_for(OLD)
        done = ready.run("safe_migrate")
        blocker.execute("SELECT 1")

    assert done.returncode == 0, done.stderr
    assert "it would wait for" not in done.stderr


def test_nobody_is_waited_for_while_a_lock_is_held(ready: Shop) -> None:
    """Each try gives its locks back within the lock timeout.

    The query in between keeps the second table from being locked with the first.
    """
    ready.execute("CREATE TABLE held (id int)")
    ready.add("0002_expand_price", LOCK, QUERY, ADD_PRICE, after="0001_expand_item")
    with reader(ready) as blocker:
        process = ready.start("safe_migrate")
        read_until(process, "tries again")
        with ready.connect(options="-c lock_timeout=5s") as writer:
            writer.execute("INSERT INTO held VALUES (1)")
        blocker.commit()
        done = ready.finish(process)

    assert done.returncode == 0, done.stderr


def test_a_rule_ends_who_is_idle_for_too_long(ready: Shop) -> None:
    ready.add("0003_expand_name", INDEX, after="0002_expand_price", atomic=False)
    blocker = reader(ready)

    done = ready.run("safe_migrate", "--terminate-blockers", "idle:0.2")

    assert done.returncode == 0, done.stderr
    assert f"ended pid {blocker.info.backend_pid} " in done.stderr
    with pytest.raises(psycopg.OperationalError):
        blocker.execute("SELECT 1")
    blocker.close()
    assert ready.applied()[-1] == "0003_expand_name"


def test_without_a_rule_nobody_is_ended(ready: Shop) -> None:
    with reader(ready) as blocker:
        done = ready.run("safe_migrate", OUTAGE_BUDGET=0.5)
        blocker.execute("SELECT 1")

    assert done.returncode == 5, done.stderr
    assert "Held up by pid" in done.stderr
    assert "a long reader" in done.stderr


def test_a_rule_that_nobody_knows_is_a_usage_error(ready: Shop) -> None:
    done = ready.run("safe_migrate", "--terminate-blockers", "everyone")

    assert done.returncode == 2
    assert "Write idle:SECONDS" in done.stderr
