"""What a restore would lose: others' rows, told apart from our migrations' own."""

from __future__ import annotations

import random
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import pytest
from django.db import migrations
from django.db.migrations.state import ProjectState

from migrationops import history
from migrationops.backups import restore
from migrationops.backups.losses import Accepted, Losses
from migrationops.backups.source import open_source
from migrationops.conf import Proof, get_conf
from migrationops.executor.atomic import run_in_transaction
from migrationops.executor.session import executing, open_session
from migrationops.models import Step
from migrationops.progress import silent
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.preparation import locked
from migrationops.workflows.restore import Request, restore_backup
from tests.roles import AS_OWNER

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
ITEMS = """
CREATE TABLE item (id serial PRIMARY KEY, name text);
INSERT INTO item (name) SELECT 'item ' || i FROM generate_series(1, 100) i;
CREATE TABLE other (id int);
"""
# Every row is written, and the table rewritten twice.
OURS = (
    "UPDATE item SET name = upper(name)",
    "ALTER TABLE item ALTER id TYPE bigint",
    "INSERT INTO item (name) SELECT 'ours' FROM generate_series(1, 10)",
    "ALTER TABLE item ADD price double precision DEFAULT random()",
    "CREATE TABLE made AS SELECT generate_series(1, 20) AS n",
)


@pytest.fixture
def box(stamped: Sandbox) -> Sandbox:
    """Return a sandbox with a hundred items."""
    stamped.sql(ITEMS)
    return stamped


def take(box: Sandbox) -> Manifest:
    return backup(BackupRequest(alias=box.alias, proof=Proof.DECODED), silent).backup


def migrate(box: Sandbox, *statements: str, fails: bool = False) -> None:
    """Run the statements as a migration does, in one journaled transaction."""
    conf = get_conf()
    migration = migrations.Migration("0001_expand_item", "shop")
    migration.operations = [migrations.RunSQL(s) for s in statements]
    with (
        locked(box.alias, conf, "test", wait=10) as lock,
        open_session(box.alias, conf.policy, lock, silent) as session,
        history.recording(
            box.alias,
            conf,
            "safe_migrate",
            silent,
            standing=history.migrations_standing,
        ) as run,
        executing(session),
    ):
        step = run.journal.start(Step.Kind.MIGRATION, "item")

        def finish() -> None:
            run.journal.finish(step, inside=session.connection)
            if fails:
                raise ZeroDivisionError

        run_in_transaction(
            session, migration, ProjectState(), detail=step.detail, finish=finish
        )


def lost(box: Sandbox, manifest: Manifest) -> Losses:
    return restore.look(open_source(box.alias, get_conf()), manifest).losses


def test_our_own_rows_and_rewrites_are_no_loss_and_others_are(box: Sandbox) -> None:
    manifest = take(box)
    migrate(box, *OURS)
    assert lost(box, manifest).tables == ()
    box.sql("UPDATE item SET name = 'theirs' WHERE id <= 3")
    assert lost(box, manifest).at_most == 3
    box.sql("DELETE FROM item WHERE id > 98; INSERT INTO made VALUES (1), (2)")
    assert {t.table: t.at_most for t in lost(box, manifest).tables} == {
        "public.item": 15,  # 3 and the last two, and our ten
        "public.made": 2,
    }
    migrate(box, "UPDATE item SET name = 'again'", "DELETE FROM made")
    assert lost(box, manifest).at_most == 17


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_anothers_truncate_beside_our_rewrite_is_unknown(
    box: Sandbox, first: bool
) -> None:
    manifest = take(box)
    steps = [lambda: box.sql("TRUNCATE item"), lambda: migrate(box, *OURS)]
    for step in steps if first else reversed(steps):
        step()
    (item,) = lost(box, manifest).tables
    assert (item.at_most, item.why) == (None, "was rewritten or truncated")


def test_what_was_tried_and_rolled_back_only_overstates(box: Sandbox) -> None:
    manifest = take(box)
    with pytest.raises(Exception, match="ZeroDivisionError"):
        migrate(box, *OURS, fails=True)
    assert lost(box, manifest).at_most == 110
    migrate(box, *OURS)
    assert lost(box, manifest).at_most == 110


# What a transaction of ours and one of another may do, in any order.
ANY_OF_OURS = (
    "UPDATE item SET name = upper(name)",
    "ALTER TABLE item ALTER id TYPE bigint; ALTER TABLE item ALTER id TYPE int",
    "INSERT INTO item (name) SELECT 'ours' FROM generate_series(1, 10)",
    "DELETE FROM item WHERE name = 'OURS'",
    "TRUNCATE other; INSERT INTO other VALUES (1), (2)",
)
ANY_OF_THEIRS = (
    "UPDATE item SET name = 'theirs' WHERE id % 9 = 0 RETURNING 1",
    "INSERT INTO item (name) SELECT 'theirs' FROM generate_series(1, 3) RETURNING 1",
    "DELETE FROM item WHERE id % 40 = 1 RETURNING 1",
    "INSERT INTO other SELECT generate_series(1, 4) RETURNING 1",
)
DEEP = [pytest.param(seed, marks=pytest.mark.deep) for seed in range(1, 60)]


@pytest.mark.parametrize("seed", [0, *DEEP])
def test_whatever_was_done_and_rolled_back_it_never_understates(
    box: Sandbox, seed: int
) -> None:
    dice = random.Random(seed)
    manifest, theirs, undone = take(box), 0, 0
    for _ in range(7):
        if dice.random() < 0.5:
            query = dice.choice(ANY_OF_THEIRS)
            theirs += box.sql(f"WITH rows AS ({query}) SELECT count(*) FROM rows")
            continue
        statements = dice.sample(ANY_OF_OURS, k=dice.randint(1, 4))
        fails = dice.random() < 0.5
        undone += fails
        with pytest.raises(Exception, match="Zero") if fails else nullcontext():
            migrate(box, *statements, fails=fails)
    at_most = lost(box, manifest).at_most
    assert at_most is not None
    assert at_most >= theirs if undone else at_most == theirs


@pytest.mark.faults
def test_an_older_backups_losses_are_known_after_a_restore(box: Sandbox) -> None:
    older = take(box)
    box.sql("INSERT INTO other VALUES (1), (2)")
    restored = take(box)
    migrate(box, *OURS)
    box.sql("INSERT INTO other VALUES (3)")
    newer = take(box)
    put_back(box, restored, rows=1)
    assert lost(box, restored).tables == lost(box, newer).tables == ()
    box.sql("DELETE FROM item WHERE id <= 7")
    assert lost(box, restored).at_most == lost(box, newer).at_most == 7
    assert lost(box, older).at_most == 9
    migrate(box, *OURS)
    assert lost(box, restored).at_most == 7
    put_back(box, older, rows=9)
    assert box.sql("SELECT count(*) FROM other") == 0


def test_losses_are_known_through_several_restores(box: Sandbox) -> None:
    first = take(box)
    box.sql("INSERT INTO other VALUES (1), (2)")
    later = take(box)
    put_back(box, first, rows=2)
    migrate(box, "INSERT INTO other VALUES (0)")
    box.sql("INSERT INTO other VALUES (3)")
    second = take(box)
    box.sql("INSERT INTO other VALUES (4), (5), (6)")
    put_back(box, second, rows=3)
    box.sql("DELETE FROM item WHERE id <= 7")
    assert lost(box, second).at_most == 7
    assert lost(box, first).at_most == lost(box, later).at_most == 1 + 7
    put_back(box, first, rows=8)
    box.sql("INSERT INTO other VALUES (7)")
    # Each of them has all of the first.
    assert lost(box, second).at_most == lost(box, later).at_most == 1
    put_back(box, later, rows=1)
    assert lost(box, second).at_most == 2
    assert box.sql("SELECT count(*) FROM other") == 2


def put_back(box: Sandbox, manifest: Manifest, **accepted: Any) -> None:
    request = Request(
        alias=box.alias,
        backup=manifest.id,
        accepted=Accepted(**accepted),
        accept_missing=bool(AS_OWNER),
    )
    restore_backup(request, silent)
