"""On the disk before it has a name, and its manifest after it: whatever dies."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from migrationops.backups.take import take_backup
from migrationops.conf import Proof
from migrationops.progress import silent

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = [
    pytest.mark.postgres_tools,
    pytest.mark.skipif(sys.platform != "linux", reason="asks /proc for a file's name"),
]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List what is flushed and renamed, in order; it is done all the same."""
    events: list[str] = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        events.append(f"flush {path.name}")
        fsync(handle)

    def note_replace(old: Any, new: Any) -> None:
        events.append(f"name {Path(new).name}")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    return events


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_step_is_on_the_disk_before_the_next(
    sandbox: Sandbox, told: list[str], jobs: int
) -> None:
    sandbox.sql("CREATE TABLE item AS SELECT generate_series(1, 9) AS n")
    manifest = take_backup(
        alias=sandbox.alias,
        conf=sandbox.conf(),
        run_id="1",
        proof=Proof.NONE,
        report=silent,
        jobs=jobs,
    )
    place, dump = sandbox.directory.name, f"{manifest.id}.dump"
    parts = [f"flush {Path(f.name).name}" for f in manifest.files if jobs > 1]
    steps = [
        *parts,
        f"flush {dump}.partial",
        f"name {dump}",
        f"flush {place}",
        f"flush {manifest.id}.json.partial",
        f"name {manifest.id}.json",
        f"flush {place}",
    ]
    assert list(dict.fromkeys(told)) == list(dict.fromkeys(steps))
    assert told[-1] == f"flush {place}"
    assert told.count(f"flush {place}") == 2
