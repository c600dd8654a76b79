"""What was committed around the snapshot: in the dump, the counts and the losses."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from migrationops.backups import restore
from migrationops.backups.source import open_source
from migrationops.backups.take import take_backup
from migrationops.conf import Proof
from migrationops.progress import silent
from tests.programs import SlowPrograms, wait_for_file
from tests.shop import program_directory

if TYPE_CHECKING:
    from pathlib import Path

    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
ITEMS = "CREATE TABLE item AS SELECT generate_series(1, 100) AS n"
WAITING = """
SELECT 1 FROM pg_locks WHERE NOT granted AND relation = 'item'::regclass
AND mode = 'AccessShareLock'
"""


def take(box: Sandbox, **conf: Any) -> Manifest:
    return take_backup(
        alias=box.alias,
        conf=box.conf(**conf),
        run_id="1",
        proof=Proof.COUNTED,
        report=silent,
    )


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_comes_before_pg_dump_itself_is_not_in_it_and_is_a_loss(
    sandbox: Sandbox, tmp_path: Path, jobs: int
) -> None:
    """Its snapshot is ours; the counters were read before it."""
    sandbox.sql(ITEMS)
    programs = SlowPrograms.make(tmp_path / "bin", program_directory(), late=True)

    def write() -> None:
        wait_for_file(programs.started)
        sandbox.sql("INSERT INTO item VALUES (0)")
        programs.go_on()

    conf = sandbox.conf(pg_bin=[str(programs.directory)])
    with ThreadPoolExecutor(1) as executor:
        writing = executor.submit(write)
        manifest = take_backup(
            alias=sandbox.alias,
            conf=conf,
            run_id="1",
            proof=Proof.COUNTED,
            report=silent,
            jobs=jobs,
        )
        writing.result()
    assert (manifest.proof.level, manifest.rows) == (Proof.COUNTED, 100)
    source = open_source(sandbox.alias, sandbox.conf())
    assert restore.look(source, manifest).losses.at_most == 1


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("CREATE TABLE late AS SELECT 1 AS n", {"item": 100, "late": 1}),
        ("DROP TABLE item; CREATE TABLE late ()", {"late": 0}),
    ],
    ids=["made", "dropped"],
)
def test_tables_come_and_go_while_a_lock_is_waited_for(
    sandbox: Sandbox, statement: str, tables: dict[str, int]
) -> None:
    sandbox.sql(ITEMS)
    with sandbox.connect() as holder, ThreadPoolExecutor(1) as executor:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE item IN ACCESS EXCLUSIVE MODE")

        def commit_when_waited_for() -> None:
            deadline = time.monotonic() + 30
            while not holder.execute(WAITING).fetchone():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            holder.execute(statement.encode())
            holder.execute("COMMIT")

        committing = executor.submit(commit_when_waited_for)
        manifest = take(sandbox)
        committing.result()
    assert {t.name: t.rows for t in manifest.tables} == tables
