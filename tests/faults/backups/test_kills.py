"""SIGKILL at any instant of dump, proof, restore and swap, on real processes.

After each: the live database is exactly before or exactly after, everyone can log
in, and the list of backups tells the truth. The next run ends well and clears up.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from migrationops.backups import catalog, verify
from migrationops.backups.derived import Role, find_derived
from migrationops.conf import parse
from tests.shop import Shop

pytestmark = pytest.mark.postgres_tools
ROWS = 20_000
INSTANTS = 50  # of each stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where to kill: so many seconds, at most, after the child said `label`."""

    command: str
    label: str
    within: float
    proof: str = "counted"
    jobs: int = 1


STAGES = {
    "dump": Stage(command="backup", label="backup", within=0.6),
    "proof": Stage(command="backup", label="prove", within=1.5, proof="restored"),
    "restore": Stage(command="restore", label="build", within=1.5),
    "swap": Stage(command="restore", label="swap", within=0.5),
}


@pytest.fixture
def filled(opened_shop: Shop) -> Shop:
    """Return a shop with many items, a backup of them, and every item changed."""
    opened_shop.execute(
        "INSERT INTO shop_item (name) "
        f"SELECT md5(i::text) FROM generate_series(1, {ROWS}) i"
    )
    opened_shop.succeed("backup", "--proof", "counted")
    change(opened_shop)
    return opened_shop


def test_a_kill_leaves_before_or_after_and_the_truth(filled: Shop) -> None:
    for stage in STAGES.values():
        killed_at(filled, stage, stage.within / 4)
    ends_well(filled)


RARER = {
    "workers": Stage(command="backup", label="backup", within=1.5, jobs=2),
    "part": Stage(command="part", label="backup", within=1.0),
}


@pytest.mark.faults
@pytest.mark.parametrize("name", [*STAGES, *RARER])
def test_kills_at_random_instants(filled: Shop, name: str) -> None:
    stage, dice = {**STAGES, **RARER}[name], random.Random(name)
    outcomes = set()
    for _ in range(INSTANTS):
        outcomes.add(killed_at(filled, stage, dice.uniform(0, stage.within)))
    ends_well(filled)
    assert "killed" in outcomes


def change(shop: Shop) -> None:
    shop.execute("UPDATE shop_item SET name = 'new'")


def killed_at(shop: Shop, stage: Stage, delay: float) -> str:
    """Run a child, kill it so long after the label, and look at what it left."""
    child = start(shop, stage)
    assert child.stdout is not None
    for line in child.stdout:
        if line.strip() == stage.label:
            break
    time.sleep(delay)
    child.kill()
    rest = child.stdout.read()
    child.wait()
    child.stdout.close()
    outcome = "ended" if "ended" in rest else "killed"
    is_before_or_after(shop)
    listed_is_true(shop)
    return outcome


def start(shop: Shop, stage: Stage) -> subprocess.Popen[str]:
    return subprocess.Popen(
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


def is_before_or_after(shop: Shop) -> None:
    """Look at every row; after a restore, change them anew for the next kill."""
    query = "SELECT count(*), count(*) FILTER (WHERE name = 'new') FROM shop_item"
    (found,) = shop.query(query)
    assert found in ((ROWS, ROWS), (ROWS, 0))
    if found == (ROWS, 0):
        change(shop)


def listed_is_true(shop: Shop) -> None:
    place = Path(shop.directory / "backups")
    conf = parse({"ENVIRONMENT": "development", "BACKUP_DIR": place})
    listing = catalog.list_backups(place, conf)
    assert listing.unusable == ()
    assert listing.backups
    for manifest in listing.backups:
        verify.check_archive(place / manifest.archive, manifest)
        items = [t.rows for t in manifest.tables if t.name == "shop_item"]
        assert items == [ROWS]


def ends_well(shop: Shop) -> None:
    """Undisturbed, both commands work, and nothing half-made is left."""
    shop.succeed("backup", "--proof", "restored")
    shop.succeed("restore", "--no-input", "--accept-loss", "all")
    with shop.connect(dbname="postgres") as connection:
        found = find_derived(connection, shop.params["dbname"])
    assert {d.role for d in found} == {Role.KEPT}
    place = shop.directory / "backups"
    assert not list(place.glob("*.partial"))
