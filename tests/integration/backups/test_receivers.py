"""Receivers of post_migrate: their rows are ours, and they may do as they like."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, cast

import pytest
from django.db import IntegrityError, connections, transaction

from migrationops import history
from migrationops.backups import restore
from migrationops.backups.source import open_source
from migrationops.conf import Proof, get_conf
from migrationops.exceptions import MigrationOpsError
from migrationops.executor.receivers import noting_receivers
from migrationops.progress import silent
from migrationops.workflows.backup import Request, backup
from migrationops.workflows.preparation import locked

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.backends.postgresql.base import DatabaseWrapper

    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

    Receiver = Callable[[DatabaseWrapper], None]

pytestmark = pytest.mark.postgres_tools
DEEP = [pytest.param(seed, marks=pytest.mark.deep) for seed in range(1, 60)]
ONE = "INSERT INTO item (name) VALUES ('ours')"
TEN = "INSERT INTO item (name) SELECT 'ours' FROM generate_series(1, 10)"


@pytest.fixture
def box(stamped: Sandbox) -> Sandbox:
    stamped.sql("CREATE TABLE item (id serial PRIMARY KEY, name text)")
    return stamped


def take(box: Sandbox) -> Manifest:
    return backup(Request(alias=box.alias, proof=Proof.DECODED), silent).backup


def receive(box: Sandbox, receiver: Receiver) -> None:
    """Call it as a run does that sends the signal."""
    conf = get_conf()
    with (
        locked(box.alias, conf, "test", wait=10),
        history.recording(
            box.alias,
            conf,
            "safe_migrate",
            silent,
            standing=history.migrations_standing,
        ) as run,
        noting_receivers(box.alias, run.journal),
    ):
        receiver(wrapper(box))


def wrapper(box: Sandbox) -> DatabaseWrapper:
    return cast("DatabaseWrapper", connections[box.alias])


def execute(on: DatabaseWrapper, *statements: str) -> None:
    with on.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def lost(box: Sandbox, manifest: Manifest) -> int | None:
    wrapper(box).close()  # reports at once what it has counted
    return restore.look(open_source(box.alias, get_conf()), manifest).losses.at_most


def autocommits(on: DatabaseWrapper) -> None:
    execute(on, ONE, TEN, "UPDATE item SET name = upper(name)", "DELETE FROM item")


def returns(on: DatabaseWrapper) -> None:
    with on.cursor() as cursor:
        cursor.execute(f"{ONE} RETURNING name")
        assert cursor.fetchall() == [("ours",)]
        assert cursor.rowcount == 1


def commits_a_block(on: DatabaseWrapper) -> None:
    called: list[int] = []
    with transaction.atomic(using=on.alias, durable=True):
        execute(on, ONE, TEN)
        with transaction.atomic(using=on.alias):
            execute(on, ONE)
        transaction.on_commit(lambda: called.append(1), using=on.alias)
        assert called == []
    assert called == [1]


def begins_by_itself(on: DatabaseWrapper) -> None:
    execute(on, "BEGIN", TEN, "COMMIT")


def turns_autocommit_off(on: DatabaseWrapper) -> None:
    on.set_autocommit(False)
    execute(on, TEN)
    on.commit()
    on.set_autocommit(True)


def goes_on_after_an_error(on: DatabaseWrapper) -> None:
    execute(on, ONE)
    with pytest.raises(IntegrityError):
        execute(on, "INSERT INTO item (id) SELECT max(id) FROM item")
    execute(on, ONE)


EXACT: tuple[Receiver, ...] = (
    autocommits,
    returns,
    commits_a_block,
    begins_by_itself,
    turns_autocommit_off,
)


def test_what_receivers_commit_is_no_loss_and_others_rows_are(box: Sandbox) -> None:
    manifest = take(box)
    for receiver in EXACT:
        receive(box, receiver)
        assert lost(box, manifest) == 0, receiver
    box.sql("INSERT INTO item (name) VALUES ('theirs'), ('theirs')")
    assert lost(box, manifest) == 2


def rolls_back(on: DatabaseWrapper) -> None:
    with transaction.atomic(using=on.alias):
        execute(on, TEN)
        transaction.set_rollback(True, using=on.alias)


def executes_many(on: DatabaseWrapper) -> None:
    with on.cursor() as cursor:
        cursor.executemany("INSERT INTO item (name) VALUES (%s)", [["a"], ["b"]])


def commits_inside_a_script(on: DatabaseWrapper) -> None:
    execute(on, f"BEGIN; {ONE}; COMMIT; {ONE}")


def needs_no_transaction(on: DatabaseWrapper) -> None:
    execute(on, "CREATE INDEX CONCURRENTLY item_name ON item (name)", "VACUUM item")


OVERSTATED = {
    rolls_back: 10,
    executes_many: 2,
    commits_inside_a_script: 2,
    needs_no_transaction: 0,
    goes_on_after_an_error: 1,  # the row that was refused
}


def fails(on: DatabaseWrapper) -> None:
    execute(on, ONE, "SELECT 1/0")


def test_what_cannot_be_told_apart_counts_as_a_loss_and_works(box: Sandbox) -> None:
    manifest, stated = take(box), 0
    for receiver, rows in OVERSTATED.items():
        receive(box, receiver)
        stated += rows
        assert lost(box, manifest) == stated, receiver
    with pytest.raises(MigrationOpsError, match="division by zero"):
        receive(box, fails)
    assert lost(box, manifest) == stated + 1


OURS = (
    ONE,
    TEN,
    "UPDATE item SET name = upper(name) WHERE id % 3 = 0",
    "DELETE FROM item WHERE id % 7 = 0",
    "WITH gone AS (DELETE FROM item WHERE id % 5 = 0 RETURNING id) TABLE gone",
    "INSERT INTO item (id, name) SELECT id, 'same' FROM item ON CONFLICT DO NOTHING",
    "INSERT INTO item (id) SELECT max(id) FROM item",  # fails
    "TRUNCATE item",  # unknown from there on
)
THEIRS = (
    "INSERT INTO item (name) VALUES ('theirs'), ('theirs') RETURNING 1",
    "UPDATE item SET name = 'theirs' WHERE id % 2 = 0 RETURNING 1",
    "DELETE FROM item WHERE id % 11 = 0 RETURNING 1",
)


def does_anything(on: DatabaseWrapper, dice: random.Random) -> None:
    """Execute some statements, in blocks or not, some of which are rolled back."""
    for _ in range(dice.randint(1, 4)):
        with contextlib.ExitStack() as blocks:
            for _ in range(dice.randint(0, 2)):
                blocks.enter_context(transaction.atomic(using=on.alias))
            for statement in dice.choices(OURS, weights=[4] * 7 + [1], k=2):
                with contextlib.suppress(IntegrityError), guarded(on, dice):
                    execute(on, statement)
            if on.in_atomic_block and dice.random() < 0.3:
                transaction.set_rollback(True, using=on.alias)


def guarded(
    on: DatabaseWrapper, dice: random.Random
) -> contextlib.AbstractContextManager[None]:
    """Give a savepoint inside a block, where an error would end all of it."""
    inside = on.in_atomic_block or dice.random() < 0.3
    return transaction.atomic(using=on.alias) if inside else contextlib.nullcontext()


@pytest.mark.parametrize("seed", [0, *DEEP])
def test_whatever_receivers_do_no_row_of_others_is_taken_for_theirs(
    box: Sandbox, seed: int
) -> None:
    dice, theirs = random.Random(seed), 0
    box.sql(TEN)
    manifest = take(box)
    for _ in range(6):
        if dice.random() < 0.5:
            receive(box, lambda on: does_anything(on, dice))
        else:
            rows = f"WITH rows AS ({dice.choice(THEIRS)}) SELECT count(*) FROM rows"
            theirs += box.sql(rows)
    at_most = lost(box, manifest)
    assert at_most is None or at_most >= theirs
