"""No byte is left for the database while a migration runs."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from config.embedded import account
from migrationops.backups.derived import find_derived
from tests.faults.matrix.ground import fill, mounted
from tests.gate import Gate
from tests.outcome import refused, unchanged
from tests.shop import Shop

GATE = Gate(4717)
TABLE = """migrations.CreateModel("Note", [
    ("id", models.BigAutoField(primary_key=True)),
    ("text", models.TextField(db_index=True)),
])"""


@pytest.fixture
def disk(opened_shop: Shop) -> Iterator[Path]:
    """Return a small disk, on which the shop's database lies."""
    # Not pytest's tmp_path: the server's account cannot enter that of root.
    home = Path(tempfile.mkdtemp(prefix="disk-"))
    home.chmod(0o711)
    name = str(opened_shop.params["dbname"])
    try:
        with (
            mounted(home / "small", "32m"),
            opened_shop.connect(dbname="postgres") as admin,
        ):
            space = home / "small" / "space"
            space.mkdir(mode=0o700)
            account.current().own(space)
            create = SQL("CREATE TABLESPACE {} LOCATION {}")
            admin.execute(create.format(Identifier(name), Literal(str(space))))
            try:
                move(admin, name, to=name)
                yield home / "small"
            finally:
                move(admin, name, to="pg_default")
                admin.execute(SQL("DROP TABLESPACE {}").format(Identifier(name)))
    finally:
        shutil.rmtree(home)


def move(admin: psycopg.Connection[tuple[object, ...]], name: str, *, to: str) -> None:
    """Move the database to another tablespace."""
    query = SQL("ALTER DATABASE {} SET TABLESPACE {}")
    admin.execute(query.format(Identifier(name), Identifier(to)))


def test_the_migration_is_rolled_back_and_goes_through_when_there_is_room(
    opened_shop: Shop, disk: Path
) -> None:
    opened_shop.ops["POLICY"] = {"backup": "none"}
    opened_shop.add("0002_expand_note", GATE.operation, TABLE, after="0001_expand_item")
    with unchanged(opened_shop):
        with GATE.closed(opened_shop):
            process = opened_shop.start("safe_migrate")
            GATE.wait(opened_shop)
            ballast = fill(disk)
        done = opened_shop.finish(process)

    refused(done, 5, "No space left on device", "as before the run")
    ballast.unlink()
    opened_shop.succeed("safe_migrate")
    assert opened_shop.applied()[-1] == "0002_expand_note"


@pytest.mark.faults
@pytest.mark.parametrize(
    "command",
    [("restore", "--no-input"), ("backup", "--proof", "restored")],
    ids=["restore", "proof"],
)
def test_a_copy_that_does_not_fit_beside_is_dropped(
    opened_shop: Shop, disk: Path, command: tuple[str, ...]
) -> None:
    """Twice the database is more than the tablespace holds: it fails half way."""
    opened_shop.execute(
        "INSERT INTO shop_item (name) "
        "SELECT md5(g::text) FROM generate_series(1, 180000) g"
    )
    opened_shop.succeed("backup", "--proof", "counted")
    before = listed(opened_shop)
    try:
        with unchanged(opened_shop):
            done = opened_shop.run(*command)
        refused(done, 1, "No space left on device")
        assert listed(opened_shop) == before
    finally:
        drop_copies(opened_shop)
    assert opened_shop.query("SELECT count(*) FROM shop_item") == [(180_000,)]
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('still writable')")


def listed(shop: Shop) -> tuple[list[str], object, object]:
    """Return what backups there are said to be, unfinished ones, and copies."""
    found = json.loads(shop.succeed("backups", "list", "--json"))
    identifiers = [backup["id"] for backup in found["backups"]]
    return identifiers, found["leftovers"], found["databases"]


def drop_copies(shop: Shop) -> None:
    """Leave nothing on the disk, which is soon to go."""
    with shop.connect(dbname="postgres") as admin:
        for copy in find_derived(admin, shop.params["dbname"]):
            admin.execute(SQL("DROP DATABASE {}").format(copy.identifier))
