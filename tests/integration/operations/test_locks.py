"""What each operation runs and which locks it takes: measured, and as documented."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, migrations, models
from django.db.models import Index, Q, UniqueConstraint

from migrationops import operations as safe
from migrationops.operations.catalog import NATIVE_NOT_NULL
from migrationops.postgres import databases
from migrationops.postgres.statements import StatementClass, classify
from tests.integration.operations.ground import APP, SCHEMA, Ground, state_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrationops.postgres.databases import Connection

PAGE = Path("docs/reference/operations.md")
LOCKS = """
SELECT c.relname, l.mode
  FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
 WHERE l.pid = %s AND l.granted AND c.relkind = 'r'
   AND c.relnamespace = %s::regnamespace
"""
STRENGTH = [
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
    "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
]  # fmt: skip


def shop() -> list[Any]:
    return [
        migrations.CreateModel(
            name="Customer", fields=[("id", models.BigAutoField(primary_key=True))]
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(primary_key=True)),
                ("note", models.TextField(null=True)),
                ("title", models.TextField()),
                ("amount", models.IntegerField()),
                ("buyer", models.ForeignKey(
                    f"{APP}.customer", models.CASCADE, related_name="+")),
                ("loose", models.ForeignKey(
                    f"{APP}.customer", models.CASCADE, related_name="+",
                    db_constraint=False, db_index=False)),
            ],
            options={"indexes": [Index(fields=["amount"], name="by_amount")]},
        ),
    ]  # fmt: skip


def _key(**options: Any) -> Any:
    return models.ForeignKey(
        f"{APP}.customer", models.CASCADE, related_name="+", **options
    )


TITLE = models.TextField()
NAMES = ("order", "title", "name")
WIDER = ("order", "amount", models.BigIntegerField())
CASES: dict[str, list[Any]] = {
    "AddCheck": [safe.AddCheck("order", models.CheckConstraint(
        condition=Q(amount__gte=0), name="positive"))],
    "AddFieldWithDefault": [
        safe.AddFieldWithDefault("order", "stars", models.IntegerField(default=3)),
        safe.DropDatabaseDefault("order", "stars")],
    "AddForeignKey": [safe.AddForeignKey("order", "payer", _key(null=True))],
    "AddIndex": [safe.AddIndex("order", Index(fields=["note"], name="by_note"))],
    "AddUnique": [safe.AddUnique(
        "order", UniqueConstraint(fields=["amount"], name="once"))],
    "ChangeType": [safe.ChangeTypeExpand(*WIDER), safe.ChangeTypeBackfill(*WIDER),
                   safe.ChangeTypeContract(*WIDER)],
    "ConstrainField": [safe.ConstrainField("order", "loose", _key())],
    "DeleteModel": [safe.DeleteModel("Order"), safe.DropTable(shop()[1])],
    "RemoveField": [safe.RemoveField("order", "buyer"),
                    safe.DropColumn("order", "buyer", _key())],
    "RemoveIndex": [safe.RemoveIndex("order", "by_amount")],
    "RenameField": [safe.RenameFieldExpand(*NAMES), safe.RenameFieldBackfill(*NAMES),
                    safe.RenameFieldContract(*NAMES)],
    "SetNotNull": [safe.SetNotNull("order", "note", models.TextField())],
}  # fmt: skip


class Measured:
    """Runs each schema statement so that its locks can be seen, then writes a line."""

    def __init__(self, looker: Connection) -> None:
        self._looker = looker
        self.lines: list[str] = []

    def __call__(self, execute: Any, sql: str, *rest: Any) -> Any:
        kind = classify(sql)
        if kind in (StatementClass.DATA, StatementClass.SESSION):
            return execute(sql, *rest)
        watch = self._concurrently if kind is StatementClass.CONCURRENT else self._held
        found = watch(lambda text: execute(text, *rest), sql)
        self.lines.append(f"| `{plain(sql)}` | {spoken(found)} |")
        return None

    def _held(self, execute: Any, sql: str) -> set[tuple[str, str]]:
        """Hold the statement's locks by a transaction around it."""
        execute("BEGIN")
        execute(sql)
        pid = django_pid()
        found = self._look(pid)
        execute("COMMIT")
        return found

    def _concurrently(self, execute: Any, sql: str) -> set[tuple[str, str]]:
        """Look while a writer, open before, holds the statement in its waits."""
        found: set[tuple[str, str]] = set()
        pid = django_pid()
        with databases.connect("default", autocommit=False) as writer:
            writer.execute(f"INSERT INTO {SCHEMA}.shop_customer DEFAULT VALUES")
            writer.execute(f"LOCK TABLE {SCHEMA}.shop_order IN ROW EXCLUSIVE MODE")

            def look() -> None:
                waiting = "SELECT 1 FROM pg_locks WHERE pid = %s AND NOT granted"
                while not self._looker.execute(waiting, [pid]).fetchone():
                    pass
                found.update(self._look(pid))
                writer.commit()

            thread = threading.Thread(target=look)
            thread.start()
            execute(sql)
            thread.join()
        return found

    def _look(self, pid: int) -> set[tuple[str, str]]:
        return {(r[0], r[1]) for r in self._looker.execute(LOCKS, [pid, SCHEMA])}


def django_pid() -> int:
    return int(connection.connection.info.backend_pid)


def plain(sql: str) -> str:
    """Return a statement as one reads it: no quotes, no schema, bodies left out."""
    text = sql.replace(f'"{SCHEMA}".', "").replace('"', "")
    text = re.sub(r"AS (E?)'.*?END'", "AS ...", text, flags=re.DOTALL)
    text = re.sub(r"_[0-9a-f]{8}(?=_|\b)", "_…", text)
    text = re.sub(r"twin_[0-9a-f]{16}", "twin_…", text)
    return " ".join(text.split())


def spoken(locks: set[tuple[str, str]]) -> str:
    """Return the strongest lock on each table."""
    strongest = {
        table: max((m for t, m in locks if t == table), key=STRENGTH.index)
        for table in sorted({table for table, _ in locks})
    }
    names = {
        table: re.sub(r"(?<!^)(?=[A-Z])", " ", mode.removesuffix("Lock")).upper()
        for table, mode in strongest.items()
    }
    return ", ".join(f"{mode} on {table}" for table, mode in names.items()) or "none"


def documented(section: str) -> list[str]:
    """Return the rows of the section's table."""
    text = PAGE.read_text()
    part = text.partition(f"\n### {section}\n")[2].partition("\n### ")[0]
    return [line for line in part.splitlines() if line.startswith("| `")]


@pytest.fixture
def looker(ground: Ground) -> Iterator[Connection]:
    with databases.connect("default") as looker:
        yield looker


@pytest.mark.parametrize("name", CASES)
def test_the_page_says_what_was_measured(
    ground: Ground, looker: Connection, name: str
) -> None:
    ground.apply(state_with(), *shop())
    measured = Measured(looker)
    native = ground.connection.pg_version >= NATIVE_NOT_NULL
    section = name if native else f"{name} before 18"

    with ground.connection.execute_wrapper(measured):
        ground.apply(state_with(*shop()), *CASES[name])

    wanted = documented(section) or documented(name)
    assert measured.lines == wanted, "\n".join(["", *measured.lines])


def test_every_operation_is_on_the_page() -> None:
    text = PAGE.read_text()
    classes = [name for name in safe.__all__ if name[0].isupper()]

    assert [name for name in classes if f"`{name}" not in text] == []
