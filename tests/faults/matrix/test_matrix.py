"""Every fault at every journal boundary of a deploy with a step of every kind.

Afterwards the report, or migration_status, says truly what stands; safe_migrate once
more ends as an undisturbed run does, and nothing lies about. The default tier has a
sample of each fault in test_core_*.py, test_disk_full.py and test_blockers.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.matrix.deploy import DEPLOY, content, leftovers, write_deploy
from tests.faults.matrix.fault import FAULTS, Done, at_the_gate
from tests.faults.matrix.ground import Ground, prepared, small_disk
from tests.outcome import standing
from tests.shop import Shop

pytestmark = [
    pytest.mark.own_server,
    pytest.mark.postgres_tools,
    pytest.mark.faults,
]

STEPS = 23  # rows of the journal in an undisturbed run; each is begun and ended
CELLS = [
    pytest.param(fault, number, state, id=f"{fault}, {number} {state}")
    for fault in FAULTS
    for number in range(1, STEPS + 1)
    for state in ("started", "done")
]
NAMED = re.compile(r"in this run: (.*?)\.(?:\s|$)")


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with prepared(tmp_path_factory.mktemp("ground")) as made:
        # Here, so that no part of the matrix passes while a boundary has no cell.
        assert len(made.steps) == STEPS, made.steps
        yield made


@pytest.fixture(scope="module")
def tablespace(ground: Ground) -> Iterator[str]:
    with small_disk(ground) as name:
        yield name


@pytest.fixture
def shop(ground: Ground, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    full = request.getfixturevalue("fault") == "disk full"
    space = request.getfixturevalue("tablespace") if full else ""
    made = ground.shop(tmp_path, tablespace=space)
    write_deploy(made)
    return made


def tells_the_truth(shop: Shop, done: Done, before: set[tuple[object, ...]]) -> None:
    """See that what the command said of the database is so."""
    said = done.stdout + done.stderr
    assert done.returncode in (-9, 0, 1, 3, 5, 6, 143), said
    assert "Traceback" not in said
    if done.returncode == -9:
        status = shop.run("migration_status")
        pending = [name for name in DEPLOY if name not in shop.applied()]
        assert all(f"shop.{name}" in status.stdout for name in pending), status.stdout
        assert "Unfinished runs" in status.stdout
        return
    if done.returncode:
        assert "\nNext: " in done.stderr, said
    if done.returncode in (3, 5):
        assert standing(shop) == before, said
    for listed in NAMED.findall(done.stderr):
        names = [] if listed == "none" else [n[5:] for n in listed.split(", ")]
        known = shop.applied()[1:]
        if "As far as is known" in said or "cannot be asked" in said:
            known = known[: len(names)]
        assert names == known, said


@pytest.mark.parametrize(("fault", "number", "state"), CELLS)
def test_it_ends_as_if_undisturbed(
    ground: Ground,
    shop: Shop,
    fault: str,
    number: int,
    state: str,
    record_property: Callable[[str, object], None],
) -> None:
    before = standing(shop)
    with at_the_gate(ground, shop, number, state) as stopped:
        done = FAULTS[fault](stopped)
    step = ground.steps[number - 1].splitlines()[0]
    cell = {"number": number, "step": step, "state": state, "fault": fault}
    record_property("cell", {**cell, "code": done.returncode})
    record_property("of", len(CELLS))
    tells_the_truth(shop, done, before)

    shop.succeed("safe_migrate", "--wait", "30")

    assert content(shop) == ground.undisturbed
    assert leftovers(shop) == {}
