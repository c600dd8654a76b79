"""A migration that needs several tables locks them first, parents before children.

Under clients that insert a parent and then its child.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
import pytest
from psycopg import errors

from tests.roles import needs_superuser
from tests.shop import ADD_PRICE, Shop

NOTE = """migrations.CreateModel("Note", [
    ("id", models.BigAutoField(primary_key=True)),
    ("item", models.ForeignKey("shop.Item", models.CASCADE)),
])"""
ADD_TEXT = 'migrations.AddField("note", "text", models.TextField(null=True))'
FK = """migrations.AddField("note", "other", models.ForeignKey(
    "shop.Item", models.CASCADE, null=True, related_name="+"))"""
PAUSE = "SELECT pg_sleep(0.01)"
CHILD_OF_FIRST = "INSERT INTO shop_note (item_id) SELECT min(id) FROM shop_item"
# What clients do, by a letter: their order is parent to child, but for the foreign
# key's check of "c", which comes from the child.
TRANSACTIONS = {
    "a": [
        "INSERT INTO shop_item (name) VALUES ('new')",
        PAUSE,
        "INSERT INTO shop_note (item_id) VALUES (currval('shop_item_id_seq'))",
    ],
    "r": ["SELECT FROM shop_item LIMIT 1", PAUSE, CHILD_OF_FIRST],
    "c": ["INSERT INTO shop_note (item_id) VALUES (1)"],
    "p": ["SELECT FROM shop_item LIMIT 1", PAUSE, PAUSE],
}
AX, SRX = "ACCESS EXCLUSIVE", "SHARE ROW EXCLUSIVE"
ITEM, CHILD = "public.shop_item", "public.shop_note"


@dataclass(kw_only=True)
class Clients:
    """Sessions that write until they are told to stop; what failed is kept."""

    shop: Shop
    done: int = 0
    failed: list[psycopg.Error] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)

    def write(self, kind: str) -> None:
        """Run one short transaction of this kind after another."""
        with self.shop.connect(autocommit=False) as connection:
            while not self.stop.is_set():
                try:
                    for query in TRANSACTIONS[kind]:
                        connection.execute(query)
                    connection.commit()
                    self.done += 1
                except psycopg.Error as exc:
                    self.failed.append(exc)
                    connection.rollback()
                time.sleep(0.01)


@contextmanager
def writing(shop: Shop, kinds: str = "aaaa") -> Iterator[Clients]:
    """Let a client of each kind write, once all of them have begun."""
    clients = Clients(shop=shop)
    threads = [threading.Thread(target=clients.write, args=[kind]) for kind in kinds]
    for thread in threads:
        thread.start()
    try:
        while clients.done < len(kinds):
            time.sleep(0.01)
        yield clients
    finally:
        clients.stop.set()
        for thread in threads:
            thread.join()


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop with a parent and a child; the child is altered first."""
    opened_shop.ops["POLICY"] = {"backup": "none"}
    opened_shop.add("0002_expand_note", NOTE, after="0001_expand_item")
    opened_shop.succeed("safe_migrate")
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('first')")
    opened_shop.add("0003_expand_both", ADD_TEXT, ADD_PRICE, after="0002_expand_note")
    return opened_shop


def locked(report: str) -> dict[str, list[tuple[str, str]]]:
    """Return what each migration locked first, in order, by its name."""
    return {
        a["name"]: [(lock["table"], lock["mode"]) for lock in a["locked"]]
        for a in json.loads(report)["applied"]
    }


@needs_superuser("sets deadlock_timeout")
def test_child_first_ends_in_a_deadlock(ready: Shop) -> None:
    """What the same statements come to in the order in which they are written."""
    with writing(ready), ready.connect(autocommit=False) as naive:
        for _ in range(50):
            naive.execute("SET deadlock_timeout = '50ms'")
            try:
                naive.execute("ALTER TABLE shop_note ADD COLUMN text text")
                naive.execute("ALTER TABLE shop_item ADD COLUMN price int")
            except errors.DeadlockDetected:
                return
            naive.rollback()
            time.sleep(0.02)
    pytest.fail("no deadlock: this workload shows nothing")


def test_parent_first_no_client_fails(ready: Shop) -> None:
    policy = {"backup": "none", "rehearse": True}
    with writing(ready) as clients:
        done = ready.run("safe_migrate", "--json", POLICY=policy)

    assert done.returncode == 0, done.stderr
    assert clients.failed == []
    assert locked(done.stdout) == {"0003_expand_both": [(ITEM, AX), (CHILD, AX)]}
    assert f"locked first: {ITEM} ({AX}), {CHILD} ({AX})" in done.stderr
    ((detail,),) = ready.query(
        "SELECT detail FROM migrationops_step WHERE migration = '0003_expand_both'"
    )
    assert [lock["table"] for lock in detail["locked"]] == [ITEM, CHILD]


@pytest.mark.faults
@pytest.mark.parametrize("operations", [(ADD_TEXT, ADD_PRICE), (FK,)])
@pytest.mark.parametrize("kinds", ["aaaa", "rrrr", "cccc", "ccccpp", "aarrcc"])
def test_whatever_clients_do_none_fails(
    ready: Shop, kinds: str, operations: tuple[str, ...]
) -> None:
    ready.add("0003_expand_both", *operations, after="0002_expand_note")
    with writing(ready, kinds) as clients:
        done = ready.run("safe_migrate")

    assert done.returncode == 0, done.stderr
    assert clients.failed == []


@pytest.fixture
def with_key(ready: Shop) -> Shop:
    """Return a shop with an AddForeignKey pending: the child first, then the parent."""
    ready.add(
        "0003_expand_both",
        SAFE_FK,
        after="0002_expand_note",
        atomic=False,
        extra="from migrationops import operations as safe",
    )
    ready.ops["POLICY"] = {"backup": "none", "rehearse": True}
    return ready


@pytest.mark.faults
@pytest.mark.parametrize("state", ["started", "done"])
def test_killed_around_such_a_statement_it_goes_on(with_key: Shop, state: str) -> None:
    with_key.kill_at(f"NEW.sql LIKE '%NOT VALID' AND NEW.state = '{state}'")

    with_key.succeed("safe_migrate", "--wait", "30")

    assert with_key.applied()[-1] == "0003_expand_both"
    keys = (
        "SELECT convalidated FROM pg_constraint WHERE contype = 'f' AND conrelid = %s"
    )
    found = with_key.query(f"{keys}::regclass", "shop_note")
    assert found == [(True,), (True,)]


@pytest.mark.faults
def test_one_statement_on_two_tables_too(with_key: Shop) -> None:
    with writing(with_key) as clients:
        done = with_key.run("safe_migrate")

    assert done.returncode == 0, done.stderr
    assert clients.failed == []
    rows = with_key.query(
        "SELECT sql, detail->'locked' FROM migrationops_step WHERE detail ? 'locked'"
    )
    ((sql, steps),) = rows
    assert "NOT VALID" in sql
    assert [(lock["table"], lock["mode"]) for lock in steps] == [
        (ITEM, SRX),
        (CHILD, SRX),
    ]
    assert f"locked first: {ITEM} ({SRX}), {CHILD} ({SRX})" in done.stderr


SAFE_FK = """safe.AddForeignKey("note", "other", models.ForeignKey(
    "shop.Item", models.CASCADE, null=True, related_name="+"))"""
DATA = "migrations.RunPython(lambda apps, editor: None, migrations.RunPython.noop)"
TWO = """migrations.CreateModel("Both", [
    ("id", models.BigAutoField(primary_key=True)),
    ("item", models.ForeignKey("shop.Item", models.CASCADE)),
    ("note", models.ForeignKey("shop.Note", models.CASCADE)),
])"""
ALTER = 'migrations.RunSQL("ALTER TABLE shop_{} ADD COLUMN {} int")'
COUNT = 'migrations.RunSQL("SELECT count(*) FROM shop_note")'
SCRIPT = """migrations.RunSQL(
    "ALTER TABLE shop_note ADD g int; ALTER TABLE shop_item ADD g int")"""
SLOW = """migrations.RunSQL(
    "ALTER TABLE shop_note ADD h int; SELECT 1; ALTER TABLE shop_item ADD h int")"""
# What each migration does, and what it locks first.
CASES: list[tuple[list[str], list[tuple[str, str]]]] = [
    ([FK], [(ITEM, SRX), (CHILD, AX)]),
    ([TWO], [(ITEM, SRX), (CHILD, SRX)]),
    ([ALTER.format("note", "a"), ALTER.format("note", "b")], []),
    # Its rows would be read and changed with the other table locked for nothing.
    ([ALTER.format("note", "c"), COUNT, ALTER.format("item", "c")], []),
    ([DATA, ALTER.format("note", "d"), ALTER.format("item", "d")], []),
    (
        [ALTER.format("note", "e"), ALTER.format("item", "e"), DATA],
        [(ITEM, AX), (CHILD, AX)],
    ),
    ([SCRIPT], [(ITEM, AX), (CHILD, AX)]),
    ([SLOW], []),
    # The constraints of its foreign keys come behind the data.
    ([TWO.replace("Both", "More"), DATA], []),
]


@pytest.mark.parametrize(
    "rehearse",
    [
        pytest.param(False, id="lint"),
        pytest.param(True, id="rehearsal", marks=pytest.mark.faults),
    ],
)
def test_what_is_locked_first(ready: Shop, rehearse: bool) -> None:
    """Only what is needed anyway, and nothing for longer than it is needed."""
    after, wanted = "0002_expand_note", {}
    for number, (operations, locks) in enumerate(CASES, 3):
        name = f"{number:04}_expand_both"
        ready.add(name, *operations, after=after)
        after, wanted[name] = name, locks

    policy = {"backup": "none", "rehearse": rehearse}
    found = locked(ready.succeed("safe_migrate", "--json", POLICY=policy))

    assert found == wanted
