"""The disk of the server's WAL is full: it goes down in mid-run, and comes back."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.faults.matrix.ground import fill, mounted
from tests.outcome import refused
from tests.server import OwnServer
from tests.shop import FIRST, Shop

pytestmark = [pytest.mark.own_server, pytest.mark.faults]

# More WAL than the segments that are there can hold.
MUCH = """migrations.RunSQL(
    "CREATE TABLE much AS SELECT g, repeat('x', 200) FROM generate_series(1, 150000) g"
)"""


def test_it_goes_on_when_there_is_room_again(
    own_server: OwnServer, tmp_path: Path
) -> None:
    shop = Shop(directory=tmp_path, url=own_server.url, params=own_server.params)
    shop.ops["POLICY"] = {"backup": "none"}
    shop.write("0001_expand_item", FIRST)
    shop.succeed("safe_migrate")
    shop.add("0002_expand_much", MUCH, after="0001_expand_item")
    disk = own_server.home / "disk"
    with mounted(disk, "200m"):
        move_wal(own_server, disk / "wal")
        ballast = fill(disk)
        done = shop.run("safe_migrate")
        ballast.unlink()
        own_server.restart()

        refused(done, 6, "0002_expand_much failed")
        assert shop.applied() == ["0001_expand_item"]
        assert shop.columns("much") == set()
        assert (
            "No space left on device"
            in own_server.cluster.log.with_suffix(".old").read_text()
        )
        shop.succeed("safe_migrate")
        assert shop.query("SELECT count(*) FROM much") == [(150_000,)]
        own_server.stop()


def move_wal(server: OwnServer, place: Path) -> None:
    """Let the server write its WAL there."""
    server.stop()
    shutil.move(server.data / "pg_wal", place)
    server.cluster.programs.account.own(place)
    for path in place.rglob("*"):
        server.cluster.programs.account.own(path)
    (server.data / "pg_wal").symlink_to(place)
    server.start()
