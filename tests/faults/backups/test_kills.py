"""SIGKILL at any instant of dump, proof, restore and swap, on real processes.

After each: the live database is exactly before or exactly after, with all that
belongs to its name, everyone can log in, and the list of backups tells the truth. The
next run ends well and clears up.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from migrationops.backups import catalog, verify
from migrationops.backups.derived import Role, find_derived
from migrationops.backups.manifest import Manifest
from migrationops.conf import parse
from migrationops.postgres.properties import Properties, read_properties
from tests.shop import Shop

pytestmark = pytest.mark.postgres_tools
ROWS = 20_000
INSTANTS = 50  # of each stage
ITEMS = "SELECT count(*), count(*) FILTER (WHERE name = 'new') FROM shop_item"
CHANGED, AS_DUMPED = (ROWS, ROWS), (ROWS, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where to kill: after the child said `label`; `soon` is in its midst, seconds."""

    command: str
    label: str
    soon: float = 0.0
    proof: str = "counted"
    jobs: int = 1


STAGES = {
    "dump": Stage(command="backup", label="backup"),
    "proof": Stage(command="backup", label="prove", soon=0.4, proof="restored"),
    "restore": Stage(command="restore", label="build"),
    "swap": Stage(command="restore", label="swap", soon=0.12),
}
MORE = {
    "workers": Stage(command="backup", label="backup", jobs=2),
    "part": Stage(command="part", label="backup"),
    "ready": Stage(command="swap in", label="build", proof="restored"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Everything of the live database that a restore replaces or keeps."""

    items: tuple[int, int]
    content: str
    records: tuple[str, ...]
    properties: Properties


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A shop, how it is before and after a restore, and the backups looked at."""

    shop: Shop
    before: State
    after: State
    seen: set[str] = field(default_factory=set)


@pytest.fixture
def filled(opened_shop: Shop) -> Filled:
    """Return a shop with many items, a backup of them, and every item changed."""
    shop, name = opened_shop, opened_shop.params["dbname"]
    shop.execute(
        "INSERT INTO shop_item (name) "
        f"SELECT md5(i::text) FROM generate_series(1, {ROWS}) i;"
        f"COMMENT ON DATABASE {name} IS 'ours'; REVOKE TEMPORARY ON DATABASE {name} "
        f"FROM PUBLIC; ALTER DATABASE {name} SET work_mem = '5MB';"
        f"ALTER DATABASE {name} CONNECTION LIMIT 77"
    )
    shop.succeed("backup", "--proof", "counted")
    after = state(shop)
    change(shop)
    return Filled(shop=shop, before=state(shop), after=after)


def test_a_kill_leaves_before_or_after_and_the_truth(filled: Filled) -> None:
    for stage in (STAGES["proof"], STAGES["swap"]):
        killed_at(filled, stage, stage.soon)
    ends_well(filled)


@pytest.mark.faults
@pytest.mark.parametrize("name", [*STAGES, *MORE])
def test_kills_at_random_instants(filled: Filled, name: str) -> None:
    stage, dice = {**STAGES, **MORE}[name], random.Random(name)
    length, killed = lasts(filled, stage), 0
    while killed < INSTANTS:
        delay = dice.uniform(0, length)
        hit = killed_at(filled, stage, delay)
        killed += hit
        # It lasts as long as the machine is slow; who had ended was too late.
        length = length * 1.05 if hit else delay
    ends_well(filled)


def change(shop: Shop) -> None:
    shop.execute("UPDATE shop_item SET name = 'new'")


def state(shop: Shop) -> State:
    """Look at every row, and at what belongs to the name."""
    with shop.connect() as connection:
        items = connection.execute(ITEMS).fetchone()
        content = connection.execute(
            "SELECT sum(hashtextextended(t::text, 0)::numeric)::text FROM shop_item t"
        ).fetchone()
        records = connection.execute(
            "SELECT t::text FROM django_migrations t ORDER BY id"
        ).fetchall()
        assert items is not None
        assert content is not None
        return State(
            items=(items[0], items[1]),
            content=content[0],
            records=tuple(row[0] for row in records),
            properties=read_properties(connection),
        )


def lasts(filled: Filled, stage: Stage) -> float:
    """Measure an undisturbed run, from the label to its end."""
    prepare(filled.shop, stage)
    child = start(filled.shop, stage)
    started = time.monotonic()
    assert child.stdout is not None
    assert child.stdout.read().endswith("ended\n")
    length = time.monotonic() - started
    child.communicate()
    looked_at(filled, stage)
    return length


def killed_at(filled: Filled, stage: Stage, delay: float) -> bool:
    """Run a child, kill it so long after the label, and look at what it left.

    Return whether it had not ended before.
    """
    prepare(filled.shop, stage)
    child = start(filled.shop, stage)
    assert child.stdout is not None
    time.sleep(delay)
    child.kill()
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    looked_at(filled, stage)
    return "ended" not in rest


def prepare(shop: Shop, stage: Stage) -> None:
    """Make the copy that is to be swapped in, of the rows as they were."""
    if stage.command == "swap in":
        shop.execute("UPDATE shop_item SET name = md5(id::text)")
        shop.succeed("backup", "--ready-copy")
        change(shop)


def start(shop: Shop, stage: Stage) -> subprocess.Popen[str]:
    """Start a child and wait until it says the label."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.faults.backups.child",
            stage.command,
            stage.proof,
            str(stage.jobs),
        ],
        env=shop.environ(),
        cwd=shop.directory,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == stage.label:
            break
    return child


def looked_at(filled: Filled, stage: Stage) -> None:
    is_before_or_after(filled)
    listed_is_true(filled, stage)


def is_before_or_after(filled: Filled) -> None:
    """After a restore, change every row anew for the next kill."""
    found = settled(filled.shop)
    assert found in (filled.before, filled.after)
    if found == filled.after:
        change(filled.shop)


def settled(shop: Shop) -> State:
    """Look again where the server was still at the killed one's last statement."""
    deadline = time.monotonic() + 2
    while True:
        try:
            return state(shop)
        except psycopg.OperationalError:
            assert time.monotonic() < deadline


def listed_is_true(filled: Filled, stage: Stage) -> None:
    shop, place = filled.shop, Path(filled.shop.directory / "backups")
    listed = json.loads(shop.succeed("backups", "list", "--json"))
    assert listed["unusable"] == []
    assert listed["backups"]
    conf = parse({"ENVIRONMENT": "development", "BACKUP_DIR": place})
    manifests = catalog.list_backups(place, conf).backups
    assert [m["id"] for m in listed["backups"]] == [m.id for m in manifests]
    for manifest in manifests:
        if manifest.id not in filled.seen:
            is_a_backup(place, manifest, stage, first=not filled.seen)
            filled.seen.add(manifest.id)
    for found in listed["databases"]:
        is_what_it_is_called(shop, found)


def is_a_backup(place: Path, manifest: Manifest, stage: Stage, *, first: bool) -> None:
    """Its content is counted by ends_well()."""
    verify.check_archive(place / manifest.archive, manifest)
    items = [t.rows for t in manifest.tables if t.name == "shop_item"]
    assert items == [ROWS]
    asked = "counted" if first else stage.proof
    assert manifest.proof.level.name.lower() == asked


def is_what_it_is_called(shop: Shop, found: dict[str, Any]) -> None:
    """What was kept has the changed rows, what was built those of the backup."""
    rows = {Role.KEPT: CHANGED, Role.BUILT: AS_DUMPED}
    if found["role"] not in rows:
        return
    with shop.connect(dbname=found["name"]) as connection:
        assert connection.execute(ITEMS).fetchone() == rows[found["role"]]
    if found["role"] == Role.KEPT:
        with shop.connect(dbname="postgres") as connection:
            connection.execute(f"DROP DATABASE {found['name']}".encode())


def ends_well(filled: Filled) -> None:
    """Undisturbed, all commands work, and nothing half-made is left."""
    shop = filled.shop
    shop.succeed("backups", "verify", "--proof", "counted")
    shop.succeed("backup", "--proof", "restored")
    shop.succeed("restore", "--no-input", "--accept-loss", "all")
    with shop.connect(dbname="postgres") as connection:
        found = find_derived(connection, shop.params["dbname"])
    assert {d.role for d in found} == {Role.KEPT}
    place = shop.directory / "backups"
    assert not list(place.glob("*.partial"))
