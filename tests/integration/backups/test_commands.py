"""The commands, as a script and as a person reads them."""

from __future__ import annotations

import io
import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from migrationops.backups import catalog
from migrationops.backups.manifest import sign
from tests.roles import AS_OWNER

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
MISSING = ["--accept-missing"] if AS_OWNER else []
RESTORE = ["restore", "--no-input", "--list-losses", *MISSING]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def call(box: Sandbox, *arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, "--database", box.alias, "-v0", stdout=out, stderr=out)
    return out.getvalue()


def call_json(box: Sandbox, *arguments: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(call(box, *arguments, "--json"))
    assert data["version"] == 1
    return data


def test_backup_list_verify_and_restore(stamped: Sandbox) -> None:
    stamped.sql("CREATE TABLE item AS SELECT generate_series(1, 5) AS n")
    taken = call_json(stamped, "backup", "--proof", "counted")["backup"]
    assert taken["proof"]["level"] == "counted"
    listed = call_json(stamped, "backups", "list")
    assert [m["id"] for m in listed["backups"]] == [taken["id"]]
    verified = call_json(stamped, "backups", "verify", taken["id"])["verified"]
    assert verified[0]["problem"] == ""
    restored = call_json(stamped, *RESTORE)
    assert restored["backup"] == taken["id"]
    assert restored["differences"] == []
    listed = call_json(stamped, "backups", "list")
    assert [d["role"] for d in listed["databases"]] == ["kept"]


def test_what_verify_shows_is_noted_and_never_taken_back(stamped: Sandbox) -> None:
    call_json(stamped, "backup", "--proof", "decoded")
    for asked, listed in (("counted", "counted"), ("decoded", "counted")):
        call_json(stamped, "backups", "verify", "--proof", asked)
        (manifest,) = call_json(stamped, "backups", "list")["backups"]
        assert manifest["proof"]["level"] == listed


def test_the_history_knows_sizes_and_times(stamped: Sandbox) -> None:
    taken = call_json(stamped, "backup")["backup"]
    detail = stamped.sql(
        "SELECT detail FROM migrationops_step WHERE kind = 'stage' AND label = 'backup'"
    )
    assert detail["bytes"] == sum(f["size"] for f in taken["files"])
    assert detail["database_bytes"] == taken["database_bytes"]
    assert detail["proof_seconds"] == taken["proof"]["seconds"]
    assert detail["dump_seconds"] > 0


def test_people_are_told_what_matters(stamped: Sandbox) -> None:
    stamped.sql("CREATE TABLE item AS SELECT generate_series(1, 5) AS n")
    assert "counted, " in call(stamped, "backup", "--proof", "counted")
    assert "1 backup in" in call(stamped, "backups", "list")
    assert "holds: counted" in call(stamped, "backups", "verify")
    text = call(stamped, *RESTORE)
    assert "is kept as" in text.replace("\n", " ")
    assert "no row differs" in text


def test_expiry_is_a_dry_run_by_default_and_spares_the_newest(
    stamped: Sandbox,
) -> None:
    first = call_json(stamped, "backup")["backup"]["id"]
    second = call_json(stamped, "backup")["backup"]["id"]
    stray = stamped.directory / "backup-test-old.dump"
    stray.write_bytes(b"no manifest")
    os.utime(stray, (0, 0))
    strict = [f"--{name}=0" for name in ("days", "daily", "weekly", "monthly")]
    arguments = ["backups", "expire", "--last=1", *strict]
    told = call_json(stamped, *arguments)
    assert told["expiry"]["expired"] == [first]
    assert told["leftovers"] == [stray.name]
    assert f"Would delete (--apply does): 2\n  {first}" in call(stamped, *arguments)
    assert len(list(stamped.directory.iterdir())) == 5
    assert "Deleted: 2" in call(stamped, *arguments, "--apply")
    names = {path.name for path in stamped.directory.iterdir()}
    assert names == {f"{second}.dump", f"{second}.json"}
    with pytest.raises(CommandError, match="every backup"):
        call(stamped, "backups", "expire", "--last=0", *strict)


def test_a_database_whose_name_begins_alike_keeps_its_backups(
    stamped: Sandbox,
) -> None:
    """By a part of the file's name, as other tools go, they are one database's."""
    own = catalog.read(
        stamped.directory, call_json(stamped, "backup")["backup"]["id"], stamped.conf()
    )
    old = "backup-test-20200101T000000Z"
    for database in (stamped.name, f"{stamped.name}2"):
        identifier = f"{old}-{database}-1"
        file = replace(own.file, name=f"{identifier}.dump")
        stamped.directory.joinpath(file.name).hardlink_to(
            stamped.directory / own.file.name
        )
        theirs = replace(
            own, id=identifier, database=database, files=(file,), started=LONG_AGO
        )
        catalog.write(stamped.directory, sign(theirs, stamped.conf()))
    assert all(stamped.name in path.name for path in stamped.directory.iterdir())
    strict = [f"--{name}=0" for name in ("days", "daily", "weekly", "monthly")]
    gone = call_json(stamped, "backups", "expire", "--last=1", *strict, "--apply")
    assert gone["expiry"]["expired"] == [f"{old}-{stamped.name}-1"]
    left = {path.stem for path in stamped.directory.iterdir()}
    assert left == {own.id, f"{old}-{stamped.name}2-1"}


def test_the_name_is_asked_for_and_compared(
    stamped: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    call(stamped, "backup")
    monkeypatch.setattr("sys.stdin", io.StringIO("another\n"))
    with pytest.raises(CommandError, match="is called") as caught:
        call(stamped, "restore")
    assert caught.value.returncode == 3


def test_a_damaged_backup_is_found_by_verify_with_exit_code_4(
    stamped: Sandbox,
) -> None:
    call(stamped, "backup")
    (dump,) = stamped.directory.glob("*.dump")
    content = bytearray(dump.read_bytes())
    content[-1] ^= 1
    dump.write_bytes(content)
    with pytest.raises(CommandError, match="Not every backup holds") as caught:
        call(stamped, "backups", "verify")
    assert caught.value.returncode == 4


def test_without_a_backup_the_way_to_one_is_named(stamped: Sandbox) -> None:
    with pytest.raises(CommandError, match=r"manage\.py backup"):
        call(stamped, "restore", "--no-input")


@pytest.mark.parametrize("value", ["-1", "some", "1.5"])
def test_an_accepted_loss_is_a_number_or_all(stamped: Sandbox, value: str) -> None:
    with pytest.raises(CommandError, match="a number of rows, or all"):
        call(stamped, "restore", "--no-input", f"--accept-loss={value}")
