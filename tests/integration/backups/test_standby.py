"""The engine "standby": a real primary, and a real standby that is paused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import UndefinedColumn

from migrationops.backups.paused_standby import PausedStandby
from migrationops.backups.source import Source
from migrationops.conf import parse
from migrationops.exceptions import ConfigurationError
from migrationops.postgres.tools import Programs
from migrationops.standby import parse_standby
from tests.fix_archiving import stop_by_hand
from tests.fix_standby import Pair, follow, made_pair, wait_until
from tests.server import OwnServer
from tests.shop import ADD_PRICE, BROKEN

pytestmark = [pytest.mark.own_server, pytest.mark.postgres_tools]
FAULTS = pytest.mark.faults
DROP_NAME = 'migrations.RemoveField("item", "name")'
DROP_PRICE = 'migrations.RemoveField("item", "price")'
AUTO = {"physical_from": 1, "backup": "decoded"}
POLICY = {"engine": "standby", "backup": "decoded"}


def test_it_is_paused_read_and_listed_for_as_long_as_it_is(pair: Pair) -> None:
    pair.shop.execute("INSERT INTO shop_item (name) VALUES ('before')")
    taken = pair.take("--proof", "restored")
    assert pair.is_paused
    assert taken["pause"]["lsn"] == taken["lsn"]
    assert pair.on_standby("SELECT count(*) FROM shop_item") >= 1
    proof = taken["proof"]
    assert (proof["level"], proof["rows"] > 0) == ("decoded", True)
    assert [why.split(":")[0] for why in proof["skipped"]] == ["counted", "restored"]
    assert [m["id"] for m in pair.listed()["backups"]] == [taken["id"]]

    told = pair.fail(3, "restore", taken["id"], "--no-input")
    assert "Never promote it as it is" in told
    assert f"recovery_target_lsn = '{taken['lsn']}'" in told

    pair.resume()
    listed = pair.listed()
    (unusable,) = listed["unusable"]
    assert (listed["backups"], unusable["gone"]) == ([], True)
    assert "replay was resumed" in unusable["problem"]


@FAULTS
def test_a_run_is_gone_back_on_by_the_text_and_not_by_promoting_alone(
    tmp_path: Path,
) -> None:
    """The naive standby was paused at the same place, and replays what it received."""
    with ExitStack() as made:
        pair = made.enter_context(made_pair(tmp_path))
        primary, standby, shop = pair.primary, pair.standby, pair.shop
        naive = follow(primary)
        made.callback(naive.remove)
        shop.execute("INSERT INTO shop_item (name) VALUES ('before')")
        shop.add("0002_contract_name", DROP_NAME, after="0001_expand_item")
        with naive.connect() as connection:
            wait_until(lambda: _names(connection) == [("before",)])
            connection.execute("SELECT pg_wal_replay_pause()")
        report = json.loads(pair.succeed("safe_migrate", "--json", POLICY=POLICY))
        assert report["part"]["tables"] == ["public.shop_item"]
        wait_until(lambda: _received(standby) and _received(naive))
        primary.stop()

        with naive.connect() as connection:
            assert _names(connection) == [("before",)]
            connection.execute("SELECT pg_promote(false)")
        wait_until(lambda: _is_primary(naive))
        with naive.connect() as connection, pytest.raises(UndefinedColumn):
            _names(connection)

        made.callback(stop_by_hand, standby)
        go_back(pair, report["backup"]["id"])
        wait_until(lambda: _is_primary(standby))
        with standby.connect() as connection:
            assert _names(connection) == [("before",)]
            connection.execute("INSERT INTO shop_item (name) VALUES ('after')")


def go_back(pair: Pair, identifier: str) -> None:
    """Do what the text says, to the letter."""
    text = Path(pair.shop.directory, "backups", f"{identifier}.dump").read_text()
    commands = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    assert len(commands) == 4
    path = f"{pair.standby.programs}:{os.environ['PATH']}"
    for command in commands:
        done = subprocess.run(
            command,
            shell=True,
            env={**os.environ, "PATH": path},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        assert done.returncode == 0, (command, done.stderr)
        wait_until(lambda: _answers(pair.standby))


def _answers(server: OwnServer) -> bool:
    try:
        with server.connect():
            return True
    except psycopg.OperationalError:
        return False


def _names(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute("SELECT name FROM shop_item ORDER BY id").fetchall()


def _is_primary(server: OwnServer) -> bool:
    with server.connect() as connection:
        found = connection.execute("SELECT pg_is_in_recovery()").fetchone()
    return found == (False,)


def _received(server: OwnServer) -> bool:
    """Whether there is more on its disk than it has replayed."""
    query = "SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"
    with server.connect() as connection:
        return connection.execute(query).fetchone() == (True,)


@FAULTS
def test_the_next_backup_lets_the_last_one_go(pair: Pair) -> None:
    first = pair.take("--proof", "decoded")
    second = pair.take("--proof", "decoded")
    assert first["lsn"] != second["lsn"]
    assert pair.is_paused
    listed = pair.listed()
    assert [m["id"] for m in listed["backups"]] == [second["id"]]
    assert (listed["unusable"], listed["leftovers"], listed["notes"]) == ([], [], [])
    pair.succeed("backups", "verify")


@FAULTS
def test_a_run_that_did_not_end_well_keeps_its_way_back(tmp_path: Path) -> None:
    with made_pair(tmp_path) as pair:
        keeps_its_way_back(pair)


def keeps_its_way_back(pair: Pair) -> None:
    shop = pair.shop
    shop.add("0002_contract_name", DROP_NAME, after="0001_expand_item")
    shop.add("0003_expand_price", BROKEN, after="0002_contract_name")
    done = pair.run("safe_migrate", POLICY=POLICY)
    assert done.returncode == 6, done.stderr
    assert pair.is_paused
    shop.add("0003_expand_price", ADD_PRICE, after="0002_contract_name")
    told = pair.fail(3, "safe_migrate", POLICY=POLICY)
    assert "which did not end well" in told
    expiry = json.loads(
        pair.succeed(
            "backups", "expire", "--apply", "--json", POLICY={"max_backup_age": 0}
        )
    )["expiry"]
    assert expiry["expired"] == []
    assert pair.is_paused

    pair.resume()
    text = pair.succeed("safe_migrate", POLICY=POLICY)
    assert "by the standby, which stays paused at" in text
    assert pair.is_paused
    # One whose run is over is given up by the next run.
    shop.add("0004_contract_price", DROP_PRICE, after="0003_expand_price")
    report = json.loads(pair.succeed("safe_migrate", "--json", POLICY=AUTO))
    assert report["backup"]["engine"] == "standby"
    backups = pair.listed()["backups"]
    assert [m["id"] for m in backups if m["pause"]] == [report["backup"]["id"]]
    assert {m["part"]["tables"][0] for m in backups if m["part"]} == {
        "public.shop_item"
    }


BACKFILL = 'Backfill("item", {"name": "new"}, models.Q(name="old"), max_lag=0.01)'


@FAULTS
def test_a_backfill_does_not_wait_for_the_standby_that_was_paused(
    tmp_path: Path,
) -> None:
    with made_pair(tmp_path) as pair:
        shop = pair.shop
        shop.execute(
            "INSERT INTO shop_item (name) SELECT 'old' FROM generate_series(1, 60000)"
        )
        shop.add(
            "0002_backfill_name",
            BACKFILL,
            after="0001_expand_item",
            atomic=False,
            extra="from migrationops.operations import Backfill",
        )
        report = json.loads(pair.succeed("safe_migrate", "--json", POLICY=POLICY))
        assert report["part"]["tables"] == ["public.shop_item"]
        lag = "SELECT extract(epoch FROM max(replay_lag)) > 0.01 FROM "
        assert shop.query(f"{lag} pg_stat_replication") == [(True,)]
        assert shop.applied()[-1] == "0002_backfill_name"


@FAULTS
@pytest.mark.parametrize(
    ("policy", "why"),
    [
        ({"on_failure": "restore"}, "it takes the whole cluster back, by hand"),
        ({"backup": "rehearsed"}, "takes a restored database"),
    ],
)
def test_a_policy_that_it_cannot_keep_is_refused(
    pair: Pair, policy: dict[str, Any], why: str
) -> None:
    shop = pair.shop
    name = f"0009_expand_{len(why)}"
    shop.add(name, ADD_PRICE, after=max(shop.applied()))
    try:
        assert why in pair.fail(3, "safe_migrate", POLICY={**POLICY, **policy})
    finally:
        (shop.migrations / f"{name}.py").unlink()
    assert not pair.is_paused


@FAULTS
def test_expiry_resumes_what_is_old_and_nothing_else(pair: Pair) -> None:
    taken = pair.take("--proof", "decoded")
    kept = json.loads(pair.succeed("backups", "expire", "--apply", "--json"))["expiry"]
    assert kept["kept"][0]["reasons"] == ["its standby is paused, and not for long"]
    assert pair.is_paused
    old = {"POLICY": {"max_backup_age": 0}}
    assert taken["id"] in pair.succeed("backups", "expire", **old)
    assert pair.is_paused  # only said
    pair.succeed("backups", "expire", "--apply", **old)
    assert not pair.is_paused
    assert not list((pair.shop.directory / "backups").glob("backup-*"))


@FAULTS
def test_a_record_that_is_gone_resumes_no_pause_of_another(pair: Pair) -> None:
    pair.take("--proof", "decoded")
    pair.resume()
    pair.shop.execute("INSERT INTO shop_item (name) VALUES ('since')")
    pair.on_standby("SELECT pg_wal_replay_pause()")
    wait_until(lambda: pair.is_paused)
    listed = pair.listed()
    assert "no backup here accounts for it" in listed["notes"][0]
    assert 'pg_wal_replay_resume()"' in listed["notes"][0]
    pair.succeed("backups", "expire", "--apply")
    assert pair.is_paused
    told = pair.fail(3, "backup", "--engine", "standby")
    assert "a run was killed, or somebody did it" in told
    assert "psql '" in told


@FAULTS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_backup_lets_the_standby_go_on(pair: Pair, number: int) -> None:
    fill(pair)
    child = pair.shop.start(
        "backup", "--engine", "standby", "--proof", "decoded", STANDBY=pair.settings
    )
    wait_until(lambda: pair.is_paused)
    os.kill(child.pid, number)
    child.communicate()
    assert child.returncode == 128 + number
    assert not pair.is_paused
    assert pair.listed()["backups"] == pair.listed()["unusable"] == []


@FAULTS
def test_a_kill_leaves_a_backup_or_a_pause_that_is_told(pair: Pair) -> None:
    fill(pair)
    for delay in (0.0, 0.05, 0.2, 0.5, 1.0):
        child = pair.shop.start(
            "backup", "--engine", "standby", "--proof", "decoded", STANDBY=pair.settings
        )
        wait_until(lambda: pair.is_paused)
        time.sleep(delay)
        child.kill()
        child.communicate()
        listed = pair.listed()
        assert len(listed["backups"]) + len(listed["notes"]) == pair.is_paused
        if listed["notes"]:
            command = listed["notes"][0].partition("needs it: ")[2]
            assert command in pair.fail(3, "backup", "--engine", "standby")
        pair.resume()
    pair.take("--proof", "decoded")


def fill(pair: Pair) -> None:
    """Give the proof something to read."""
    pair.shop.execute(
        "INSERT INTO shop_item (name) SELECT md5(i::text) "
        "FROM generate_series(1, 300000) i"
    )


@FAULTS
@pytest.mark.parametrize(
    ("settings", "code", "why"),
    [
        (lambda _: None, 1, "The engine standby needs"),
        (lambda p: {"url": p.primary.url}, 3, "a server that is no standby"),
        (lambda _: {"url": "postgres:///x?host=/nowhere"}, 1, "cannot be reached"),
        (lambda _: {"url": "pass word"}, 1, "not one that libpq understands"),
    ],
)
def test_what_is_no_standby_is_refused(
    pair: Pair, settings: Callable[[Pair], Any], code: int, why: str
) -> None:
    told = pair.fail(code, "backup", "--engine", "standby", STANDBY=settings(pair))
    assert why in told
    assert "word" not in told
    assert not pair.is_paused


@FAULTS
def test_a_role_without_the_rights_is_told_which(pair: Pair) -> None:
    pair.shop.execute("CREATE ROLE plain LOGIN IN ROLE pg_read_all_data")
    settings = {**pair.settings, "url": pair.standby.url.replace("postgres@", "plain@")}
    wait_until(lambda: pair.on_standby("SELECT to_regrole('plain') IS NOT NULL"))
    told = pair.fail(3, "backup", "--engine", "standby", STANDBY=settings)
    assert "may not pause the replay" in told
    grant = told.partition("in the database postgres: ")[2].partition(" TO the ")[0]
    with pair.primary.connect(dbname="postgres") as connection:
        connection.execute(f"{grant} TO plain")
    right = (
        "SELECT has_function_privilege('plain', 'pg_wal_replay_resume()', 'EXECUTE')"
    )
    with pair.standby.connect(dbname="postgres") as there:
        wait_until(lambda: there.execute(right).fetchone() == (True,))
    taken = pair.take("--proof", "decoded", STANDBY=settings)
    assert taken["proof"]["rows"] > 0


@FAULTS
def test_where_it_is_protected_it_has_to_outlive_the_host(pair: Pair) -> None:
    conf = parse(
        {
            "ENVIRONMENT": "production",
            "SIGNING_KEYS": ["key"],
            "BACKUP_DIR": str(pair.shop.directory),
            "STANDBY": pair.settings,
        }
    )
    source = Source(
        alias="default",
        conf=conf,
        database=pair.primary.dbname,
        maintenance_db="postgres",
        params=pair.primary.params,
        role="",
        server_version=str(pair.primary.major),
        programs=Programs(directory=pair.primary.programs, version=""),
    )
    with pytest.raises(ConfigurationError, match="own host does not count"):
        PausedStandby().check(source)
    declared = parse_standby({**pair.settings, "outlives_host": True})
    PausedStandby().check(replace(source, conf=replace(conf, standby=declared)))


@FAULTS
def test_a_standby_of_another_cluster_is_refused(pair: Pair) -> None:
    other = OwnServer.make()
    try:
        stranger = follow(other)
        try:
            url = {"url": stranger.url}
            told = pair.fail(3, "backup", "--engine", "standby", STANDBY=url)
        finally:
            stranger.remove()
    finally:
        other.remove()
    assert "a standby of another cluster" in told


@FAULTS
def test_commits_that_wait_for_its_replay_are_not_stopped(pair: Pair) -> None:
    pair.shop.execute("ALTER ROLE postgres SET synchronous_commit = remote_apply")
    pair.shop.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
    pair.shop.execute("SELECT pg_reload_conf()")
    try:
        pair.shop.wait_for("SELECT current_setting('synchronous_standby_names') = '*'")
        told = pair.fail(3, "backup", "--engine", "standby")
    finally:
        pair.shop.execute("ALTER SYSTEM RESET synchronous_standby_names")
        pair.shop.execute("ALTER ROLE postgres RESET synchronous_commit")
        pair.shop.execute("SELECT pg_reload_conf()")
    assert "paused, it would stop every writer" in told


@FAULTS
def test_a_standby_that_lags_is_waited_for_and_then_named(pair: Pair) -> None:
    # Without its WAL receiver it never gets what the primary writes from now on.
    conninfo = pair.on_standby("SHOW primary_conninfo")
    pair.on_standby("ALTER SYSTEM SET primary_conninfo = 'host=/nowhere'")
    pair.on_standby("SELECT pg_reload_conf()")
    wait_until(
        lambda: pair.on_standby("SELECT count(*) FROM pg_stat_wal_receiver") == 0
    )
    impatient = {**pair.settings, "patience": 1}
    try:
        told = pair.fail(3, "backup", "--engine", "standby", STANDBY=impatient)
    finally:
        again = sql.SQL("ALTER SYSTEM SET primary_conninfo = {}").format(conninfo)
        pair.on_standby(again.as_string())
        pair.on_standby("SELECT pg_reload_conf()")
    assert "After 1 s the standby still is" in told
    assert not pair.is_paused


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ({}, "url is required"),
        ({"url": "x", "stanza": "main"}, "stanza is not a key"),
        ({"url": "x", "patience": "long"}, "number of seconds"),
    ],
)
def test_settings_that_are_wrong_are_named(raw: dict[str, Any], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        parse({"ENVIRONMENT": "development", "STANDBY": raw})
    found = parse({"ENVIRONMENT": "development", "STANDBY": {"url": "secret"}})
    assert "secret" not in repr(found)
