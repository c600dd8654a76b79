"""The engine "pgbackrest": a real server that archives, and a real pgBackRest."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from migrationops.backups import catalog
from migrationops.backups.cluster import read_standing
from migrationops.backups.manifest import sign
from migrationops.conf import parse
from migrationops.exceptions import PreconditionError
from tests.fix_archiving import MAJOR, Archiving, needs_pgbackrest
from tests.shop import ADD_PRICE

pytestmark = [
    pytest.mark.own_server,
    pytest.mark.postgres_tools,
    pytest.mark.faults,  # a server, a repository and copies of both: a minute in all
    needs_pgbackrest,
]
NEW_BASE = {"max_backup_age": 0}


def go_back(archiving: Archiving, identifier: str) -> None:
    """Do what the text says, to the letter."""
    text = Path(archiving.shop.directory, "backups", f"{identifier}.dump").read_text()
    commands = [line[4:] for line in text.splitlines() if line.startswith("    ")]
    assert len(commands) == 3
    for command in commands:
        done = subprocess.run(
            command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert done.returncode == 0, (command, done.stderr)
    archiving.shop.wait_for("SELECT NOT pg_is_in_recovery()")


@contextmanager
def closed(directory: Path) -> Iterator[None]:
    """Take everyone's rights to it away."""
    mode = directory.stat().st_mode
    directory.chmod(0)
    try:
        yield
    finally:
        directory.chmod(mode)


def names(archiving: Archiving) -> list[str]:
    rows = archiving.shop.query("SELECT name FROM shop_item ORDER BY id")
    return [name for (name,) in rows]


def test_a_point_is_taken_proven_and_never_restored_by_itself(
    archiving: Archiving,
) -> None:
    taken = archiving.take("--proof", "restored")
    point, proof = taken["point"], taken["proof"]
    assert (proof["level"], proof["rows"] > 0) == ("restored", True)
    assert proof["skipped"] == [
        "counted: the live server's rows are not counted for a restore point"
    ]
    assert set(point["databases"]) == {"postgres", archiving.server.dbname}
    assert point["label"] in archiving.pgbackrest("info")
    assert not list(archiving.scratch.iterdir())

    again = archiving.take("--proof", "decoded")
    assert again["point"]["label"] == point["label"]  # young enough
    told = archiving.fail(3, "restore", taken["id"], "--no-input")
    assert f"--set={point['label']} --type=name --target={point['name']}" in told
    assert "WHOLE CLUSTER" in told
    told = archiving.fail(3, "restore", taken["id"], "--no-input", "--into", "other")
    assert "gone back to by hand" in told
    verified = json.loads(archiving.succeed("backups", "verify", "--json"))["verified"]
    levels = {v["id"]: (v["level"], v["problem"]) for v in verified}
    assert levels[taken["id"]] == levels[again["id"]] == ("decoded", "")


def test_a_run_is_gone_back_on_by_the_text_alone(archiving: Archiving) -> None:
    shop = archiving.shop
    shop.execute("INSERT INTO shop_item (name) VALUES ('before')")
    shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    policy = {"engine": "pgbackrest", "backup": "decoded", **NEW_BASE}
    archiving.succeed("safe_migrate", POLICY=policy)
    shop.execute("INSERT INTO shop_item (name) VALUES ('after')")
    assert "price" in shop.columns()
    proven, taken = archiving.listed()["backups"][-2:]
    assert (proven["proof"]["level"], taken["proof"]["level"]) == ("decoded", "none")
    assert taken["proof"]["skipped"] == [
        f"the point itself; what it builds on is proven with {proven['id']}"
    ]

    go_back(archiving, taken["id"])
    assert names(archiving)[-1] == "before"
    assert "price" not in shop.columns()
    assert shop.applied() == ["0001_expand_item"]

    # The cluster is on another timeline: what was made before is of no use to it.
    later = archiving.take("--proof", "decoded")["point"]
    assert (taken["point"]["timeline"], later["timeline"]) == (1, 2)
    assert later["label"] != taken["point"]["label"]

    # A plan that only adds is content with that proof, on a point of its own.
    archiving.succeed("safe_migrate", POLICY={**policy, "max_backup_age": 3600})
    own = archiving.listed()["backups"][-1]
    assert own["point"]["name"] != later["name"]
    assert (own["point"]["label"], own["proof"]["level"]) == (later["label"], "none")
    assert "price" in shop.columns()


DROP_NAME = ('migrations.RemoveField("item", "name")',)
BY_CODE = ("migrations.RunPython(migrations.RunPython.noop)",)


@pytest.mark.parametrize(
    ("policy", "kept"),
    [({}, True), ({"time_budget": 600, "physical_from": 1}, False)],
)
def test_the_tables_that_a_plan_changes_are_dumped_beside_the_point(
    make_archiving: Callable[[int], Archiving], policy: dict[str, Any], kept: bool
) -> None:
    made = make_archiving(MAJOR)
    made.pgbackrest("stanza-create")
    made.succeed("safe_migrate", POLICY={"backup": "none"})
    shop = made.shop
    shop.execute("INSERT INTO shop_item (name) VALUES ('one'), ('two')")
    shop.add("0002_contract_name", *DROP_NAME, *BY_CODE, after="0001_expand_item")
    wanted = {"engine": "pgbackrest", "backup": "decoded", **policy}
    report = json.loads(made.succeed("safe_migrate", "--json", POLICY=wanted))
    said = report["part"]
    assert said["tables"] == ["public.shop_item"]
    assert said["unknown"] == ["shop.0002_contract_name: Raw Python operation is code"]
    listed = [(m["id"], m["point"] is None) for m in made.listed()["backups"]]
    if not kept:
        assert "is not dumped from POLICY's physical_from on" in said["skipped"]
        assert [is_part for _, is_part in listed] == [False, False]
        return
    assert listed[1] == (said["id"], True)  # before the point that comes last
    assert [is_part for _, is_part in listed] == [False, True, False]

    told = made.fail(3, "restore", said["id"], "--no-input")
    assert "swapped in, it would leave every other table empty" in told
    made.succeed("restore", said["id"], "--no-input", "--into", "rows")
    with shop.connect(dbname="rows") as connection:
        names = connection.execute("SELECT name FROM shop_item ORDER BY id").fetchall()
    assert names == [("one",), ("two",)]
    expired = json.loads(made.succeed("backups", "expire", "--json"))["expiry"]
    reasons = {k["id"]: k["reasons"] for k in expired["kept"]}
    assert reasons[said["id"]] == ["belongs to a restore point that stays"]


def test_a_damaged_repository_is_found_though_pgbackrest_ends_with_0(
    archiving: Archiving,
) -> None:
    taken = archiving.take("--proof", "decoded", POLICY=NEW_BASE)
    bundle = max(
        archiving.repository.glob("backup/main/*F/bundle/*"),
        key=lambda path: path.stat().st_size,
    )
    whole = bundle.read_bytes()
    middle = len(whole) // 2
    bundle.write_bytes(
        whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    )
    assert "status: error" in archiving.pgbackrest("verify", "--output=text")
    told = archiving.run("backups", "verify", taken["id"], "--proof", "decoded")
    bundle.write_bytes(whole)
    assert told.returncode == 4
    assert "finds damage in its repository" in told.stdout


def test_wal_that_is_missing_is_found_though_pgbackrest_says_ok(
    archiving: Archiving,
) -> None:
    archiving.take("--proof", "decoded", POLICY=NEW_BASE)
    archiving.shop.execute("SELECT pg_switch_wal()")
    taken = archiving.take("--proof", "decoded")
    gap = archiving.archived("*-*")[-2]
    aside = gap.rename(archiving.home / gap.name)
    assert "status: ok" in archiving.pgbackrest("verify", "--output=text", "--verbose")
    told = archiving.run("backups", "verify", taken["id"], "--proof", "decoded")
    told_when_taken = archiving.fail(1, "backup", "--engine", "pgbackrest")
    aside.rename(gap)
    assert told.returncode == 4
    assert f"is missing in the archive: {gap.name[:24]}" in " ".join(
        told.stdout.split()
    )
    assert "is missing in the archive" in told_when_taken


def test_a_point_that_is_not_in_its_wal_is_no_proof(archiving: Archiving) -> None:
    """A server that is started, and can be read, is not there yet: it ends before.

    As pg_ctl sees, or as we do when it was quick.
    """
    taken = archiving.take("--proof", "decoded")
    place = archiving.shop.directory / "backups"
    conf = parse({"ENVIRONMENT": "development", "BACKUP_DIR": place})
    manifest = catalog.read(place, taken["id"], conf)
    assert manifest.point is not None
    forged = replace(manifest, point=replace(manifest.point, name="of no WAL"))
    catalog.write(place, sign(forged, conf))
    told = archiving.run("backups", "verify", taken["id"], "--proof", "restored")
    assert told.returncode == 4
    assert "The restored cluster cannot be used" in told.stdout
    assert "before configured recovery target was reached" in told.stdout
    assert not list(archiving.scratch.iterdir())


def test_what_pgbackrest_lets_go_is_unusable_and_its_record_expires(
    archiving: Archiving,
) -> None:
    taken = archiving.take("--proof", "decoded")
    for _ in range(2):  # its own retention keeps two
        archiving.pgbackrest("--type=full", "backup")
    listed = archiving.listed()
    assert taken["id"] not in [m["id"] for m in listed["backups"]]
    (unusable,) = [u for u in listed["unusable"] if u["id"] == taken["id"]]
    assert unusable["gone"]
    assert f"no backup {taken['point']['label']} any more" in unusable["problem"]
    before = archiving.pgbackrest("info")
    archiving.succeed("backups", "expire", "--apply")
    assert taken["id"] not in [u["id"] for u in archiving.listed()["unusable"]]
    assert archiving.pgbackrest("info") == before  # its retention is its own


def test_what_stands_in_the_way_is_said(archiving: Archiving) -> None:
    stanza = archiving.stanza
    take = ("backup", "--engine", "pgbackrest")
    other = {**stanza, "stanza": "other"}
    told = archiving.fail(3, *take, PGBACKREST=other)
    assert "no stanza 'other' that can be read: missing stanza path" in told
    with closed(archiving.repository):
        told = archiving.fail(3, *take)
    assert "no stanza 'main' that can be read" in told
    told = archiving.fail(3, *take, "--ready-copy")
    assert "no database to be swapped in" in told


def test_wal_that_cannot_be_archived_is_named(archiving: Archiving) -> None:
    with closed(archiving.repository / "archive"):
        archiving.shop.execute("SELECT pg_create_restore_point('x'), pg_switch_wal()")
        archiving.shop.wait_for(
            "SELECT last_failed_time > last_archived_time FROM pg_stat_archiver"
        )
        told = archiving.fail(3, "backup", "--engine", "pgbackrest")
    failed = archiving.shop.query("SELECT last_failed_wal FROM pg_stat_archiver")
    assert f"archive_command fails: {failed[0][0]} could not be archived" in told
    archiving.shop.wait_for(
        "SELECT last_archived_time > last_failed_time FROM pg_stat_archiver"
    )


def test_another_cluster_and_an_unknown_major_are_refused(
    archiving: Archiving, make_archiving: Callable[[int], Archiving]
) -> None:
    newer = make_archiving(18)
    told = newer.fail(
        3, "backup", "--engine", "pgbackrest", PGBACKREST=archiving.stanza
    )
    assert "The stanza is of another cluster" in told
    told = newer.fail(3, "backup", "--engine", "pgbackrest")
    assert "no stanza 'main' that can be read: missing stanza path" in told
    assert "unexpected control version" in told


def test_a_role_without_the_right_is_told_which(archiving: Archiving) -> None:
    shop = archiving.shop
    shop.execute("CREATE ROLE plain LOGIN")
    with (
        archiving.server.connect(user="plain") as connection,
        pytest.raises(PreconditionError, match="may not create restore points") as told,
    ):
        read_standing(connection)
    grant = told.value.remedy.removeprefix("As a superuser: ")
    shop.execute(grant.replace("TO the role.", "TO plain"))
    with archiving.server.connect(user="plain") as connection:
        assert read_standing(connection).timeline > 0
