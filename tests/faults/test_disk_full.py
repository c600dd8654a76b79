"""No byte is left for the database while a migration runs."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier, Literal

from config.embedded import account
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
