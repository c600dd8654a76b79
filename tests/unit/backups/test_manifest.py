from __future__ import annotations

import json
import os
import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from migrationops.backups import catalog, directory
from migrationops.backups.contents import (
    AppliedMigration,
    Extension,
    Sequence,
    Table,
)
from migrationops.backups.counters import Counters, TableCounters
from migrationops.backups.manifest import (
    File,
    Manifest,
    ProofRecord,
    parse,
    serialise,
    sign,
)
from migrationops.backups.part import Part
from migrationops.backups.pause import Pause
from migrationops.backups.point import RestorePoint
from migrationops.conf import Conf, Proof
from migrationops.conf import parse as parse_conf
from migrationops.exceptions import BackupError, ConfigurationError, ManifestError
from migrationops.postgres.properties import Grant, Properties, Setting

NOW = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
ID = "backup-test-20260102T030405Z-app-12345678"
MANIFEST = Manifest(
    id=ID,
    run="12345678",
    environment="test",
    database="äpp",
    engine="pg_dump",
    format="custom",
    compression="gzip:1",
    server_version="18.4",
    client_version="18.4",
    snapshot="00000003-1",
    lsn="0/16B3748",
    started=NOW,
    finished=NOW,
    database_bytes=8_000_000,
    large_objects=0,
    files=(File(name=f"{ID}.dump", size=3, sha256="ab"),),
    tables=(Table(schema="public", name="t", rows=1, bytes=8192),),
    sequences=(Sequence(schema="public", name="s", last_value=1, is_called=False),),
    migrations=(AppliedMigration(app="a", name="0001"),),
    extensions=(Extension(name="plpgsql", version="1.0"),),
    properties=Properties(
        owner="o",
        encoding="UTF8",
        collate="C",
        ctype="C",
        provider="b",
        locale="C.UTF-8",
        tablespace="pg_default",
        connection_limit=-1,
        comment="",
        settings=(Setting(role="", name="search_path", value='"$user", public'),),
        grants=(Grant(grantee="", privilege="CONNECT", grantable=False),),
    ),
    counters=Counters(
        resets=("", "", "x"),
        tables=(
            TableCounters(
                schema="public",
                name="t",
                oid=1,
                relfilenode=2,
                inserted=3,
                updated=4,
                deleted=5,
            ),
        ),
    ),
    proof=ProofRecord(level=Proof.COUNTED, at=NOW, rows=1),
)
POINT = RestorePoint(
    name="here",
    lsn="0/16B3748",
    timeline=1,
    system_id="7710712191987052390",
    databases=("äpp", "postgres"),
    stanza="main",
    label="20260102-030405F",
    wal_segment_bytes=16777216,
    cluster_bytes=8_000_000,
    repository_bytes=2_000_000,
    version="2.45",
)


PARTIAL = replace(
    MANIFEST, part=Part(tables=("public.t",), bytes=8192, unknown=("a.0002: code",))
)


PAUSED = replace(
    MANIFEST,
    pause=Pause(
        name="here",
        lsn="0/16B3748",
        timeline=1,
        system_id="7710712191987052390",
        databases=("äpp", "postgres"),
        where="host=standby dbname=postgres",
        committed=NOW,
    ),
)


def conf(**values: Any) -> Conf:
    return parse_conf({"ENVIRONMENT": "test", **values})


@pytest.mark.parametrize(
    "manifest", [MANIFEST, replace(MANIFEST, point=POINT), PARTIAL, PAUSED]
)
def test_a_manifest_survives_being_written_and_read(manifest: Manifest) -> None:
    signed = sign(manifest, conf())
    assert parse(serialise(signed), conf()) == signed


def test_one_that_was_written_before_a_key_was_added_is_read() -> None:
    data = MANIFEST.to_json()
    del data["point"], data["part"], data["invalid_indexes"]
    assert parse(json.dumps(data).encode(), conf(), trust=True) == MANIFEST


def test_every_flipped_bit_of_a_manifest_is_found() -> None:
    content, dice = serialise(sign(MANIFEST, conf())), random.Random(1)
    for _ in range(200):
        flipped = bytearray(content)
        flipped[dice.randrange(len(flipped))] ^= 1 << dice.randrange(8)
        with pytest.raises(ManifestError):
            parse(bytes(flipped), conf())


def test_one_edited_by_hand_is_refused() -> None:
    content = serialise(sign(MANIFEST, conf())).replace(b'"rows": 1', b'"rows": 2')
    with pytest.raises(ManifestError, match="altered after it was signed"):
        parse(content, conf())
    assert parse(content, conf(), trust=True).tables[0].rows == 2


def test_one_signed_by_a_stranger_is_refused_and_trust_is_named() -> None:
    content = serialise(sign(MANIFEST, conf(SIGNING_KEYS=["theirs"])))
    with pytest.raises(ManifestError, match="not among SIGNING_KEYS") as caught:
        parse(content, conf(SIGNING_KEYS=["ours"]))
    assert "--trust" in caught.value.remedy


def test_keys_rotate() -> None:
    content = serialise(sign(MANIFEST, conf(SIGNING_KEYS=["old"])))
    rotated = conf(SIGNING_KEYS=["new", "old"])
    assert parse(content, rotated).database == "äpp"
    assert sign(MANIFEST, rotated).key_id != sign(MANIFEST, conf()).key_id
    with pytest.raises(ManifestError):
        parse(content, conf(SIGNING_KEYS=["new"]))


def test_one_without_the_keys_of_later_releases_is_read() -> None:
    data = MANIFEST.to_json()
    del data["point"], data["pause"], data["part"]
    assert parse(json.dumps(data).encode(), conf(), trust=True) == MANIFEST


def test_one_with_a_key_of_a_later_release_is_refused() -> None:
    """It may say, as `part` does, that it is no whole backup."""
    data = {**MANIFEST.to_json(), "excerpt": True}
    with pytest.raises(ManifestError, match="excerpt"):
        parse(json.dumps(data).encode(), conf(), trust=True)


def test_an_unsigned_one_is_refused() -> None:
    with pytest.raises(ManifestError, match="no key"):
        parse(serialise(MANIFEST), conf())


def test_an_unknown_version_is_refused_even_when_trusted() -> None:
    data = {**sign(MANIFEST, conf()).to_json(), "version": 2}
    with pytest.raises(ManifestError, match="version 2"):
        parse(json.dumps(data).encode(), conf(), trust=True)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"null", b'{"version": 1}'])
def test_what_is_no_manifest_is_refused(content: bytes) -> None:
    with pytest.raises(ManifestError):
        parse(content, conf(), trust=True)


def test_a_protected_environment_needs_keys() -> None:
    protected = parse_conf({"ENVIRONMENT": "production"})
    with pytest.raises(ConfigurationError, match="SIGNING_KEYS"):
        sign(MANIFEST, protected)


@pytest.mark.parametrize("name", ["../other.dump", "/etc/passwd", f"{ID}x.dump", ""])
def test_a_manifest_that_names_another_file_is_refused(
    name: str, tmp_path: Any
) -> None:
    strange = replace(MANIFEST, files=(replace(MANIFEST.file, name=name),))
    content = serialise(sign(strange, conf()))
    (tmp_path / f"{ID}.json").write_bytes(content)
    with pytest.raises(ManifestError, match="names other files"):
        catalog.read(tmp_path, ID, conf())


@pytest.mark.parametrize("name", ["../backup-x", "backup-/etc", "x", "backup-..-a", ""])
def test_a_name_that_leaves_the_directory_is_refused(name: str, tmp_path: Any) -> None:
    with pytest.raises(ManifestError, match="not the name of a backup"):
        catalog.read(tmp_path, name, conf())


def test_a_symbolic_link_in_place_of_the_dump_is_refused(tmp_path: Any) -> None:
    (tmp_path / "elsewhere").write_bytes(b"abc")
    (tmp_path / f"{ID}.dump").symlink_to(tmp_path / "elsewhere")
    (tmp_path / f"{ID}.json").write_bytes(serialise(sign(MANIFEST, conf())))
    with pytest.raises(BackupError, match="it is a symbolic link") as caught:
        catalog.read(tmp_path, ID, conf())
    assert "Look who put it there" in caught.value.remedy


def test_nobody_waits_for_the_writer_of_a_pipe(tmp_path: Any) -> None:
    os.mkfifo(tmp_path / f"{ID}.json")
    os.mkfifo(tmp_path / f"{ID}.dump.partial")
    with pytest.raises(BackupError, match="it is no plain file"):
        catalog.read(tmp_path, ID, conf())
    assert directory.collect_leftovers(tmp_path) == (tmp_path / f"{ID}.dump.partial",)


def test_only_what_is_whole_is_listed(tmp_path: Any) -> None:
    content = serialise(sign(MANIFEST, conf()))
    (tmp_path / f"{ID}.json").write_bytes(content)
    (tmp_path / f"{ID}.dump").write_bytes(b"ab")
    (tmp_path / "backup-test-1-app-2.dump.partial").write_bytes(b"x")
    listing = catalog.list_backups(tmp_path, conf())
    assert listing.backups == ()
    assert "2 bytes, its manifest says 3" in listing.unusable[0].problem
    assert listing.leftovers == ("backup-test-1-app-2.dump.partial",)
    (tmp_path / f"{ID}.dump").write_bytes(b"abc")
    assert [m.id for m in catalog.list_backups(tmp_path, conf()).backups] == [ID]
