"""The rows of some tables, dumped beside a physical backup: never a whole backup."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from migrationops.backups import catalog, part
from migrationops.backups.estimate import estimate
from migrationops.backups.part import Part
from migrationops.backups.source import open_source
from migrationops.backups.take import take_backup
from migrationops.conf import Proof, get_conf
from migrationops.exceptions import BackupError, PreconditionError, RefusedError
from migrationops.progress import silent
from migrationops.workflows import backups
from migrationops.workflows.restore import Request, restore_backup
from tests.integration.backups.test_commands import call
from tests.roles import AS_OWNER, needs_createdb

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
RUN = "0123456789abcdef"
SCHEMA = """
CREATE TYPE mood AS ENUM ('well', 'ill');
CREATE TABLE parent (id serial PRIMARY KEY);
INSERT INTO parent SELECT FROM generate_series(1, 7);
CREATE TABLE child (id int PRIMARY KEY, mood mood, parent_id int REFERENCES parent);
INSERT INTO child SELECT i, 'well', i FROM generate_series(1, 5) i;
CREATE TABLE grandchild (child_id int REFERENCES child);
INSERT INTO grandchild VALUES (1), (2);
CREATE TABLE "o""dd.P*" (k int) PARTITION BY RANGE (k);
CREATE TABLE "o""dd.P*1" PARTITION OF "o""dd.P*" FOR VALUES FROM (0) TO (10);
INSERT INTO "o""dd.P*" SELECT generate_series(0, 8);
CREATE MATERIALIZED VIEW crowd AS SELECT 1 / count(*) AS each FROM parent;
SELECT lo_from_bytea(0, 'large');
"""
TABLES = ("public.child", 'public.o"dd.P*')


def take(box: Sandbox, tables: tuple[str, ...] = TABLES) -> Manifest:
    return take_backup(
        alias=box.alias,
        conf=get_conf(),
        run_id=RUN,
        proof=Proof.COUNTED,
        report=silent,
        part=Part(tables=tables, bytes=100_000, unknown=("shop.0002: code",)),
    )


def test_it_is_counted_and_listed_as_what_it_is(stamped: Sandbox) -> None:
    stamped.sql(SCHEMA)
    taken = take(stamped)
    assert {t.qualified_name: t.rows for t in taken.tables} == {
        "public.child": 5,
        'public.o"dd.P*1': 9,
    }
    assert (taken.proof.level, taken.proof.rows) == (Proof.COUNTED, 14)
    (listed,) = catalog.list_backups(stamped.directory, get_conf()).backups
    assert listed == taken
    assert listed.part
    assert listed.part.unknown == ("shop.0002: code",)
    told = call(stamped, "backups", "list")
    assert 'rows of public.child, public.o"dd.P* only' in " ".join(told.split())


def test_it_counts_as_no_backup(stamped: Sandbox) -> None:
    stamped.sql(SCHEMA)
    taken = take(stamped)
    conf = get_conf()
    listing = catalog.list_backups(stamped.directory, conf)
    assert catalog.fresh(listing, conf, stamped.name) is None
    with pytest.raises(BackupError, match="There is no backup of"):
        catalog.find(stamped.directory, None, conf, stamped.name)
    with open_source(stamped.alias, conf).connect() as connection:
        assert estimate(connection, conf, Proof.NONE).basis == ""
    with pytest.raises(RefusedError, match="every other table empty") as refused:
        restore_backup(Request(alias=stamped.alias, backup=taken.id), silent)
    assert f"restore {taken.id} --into NAME" in refused.value.remedy


@needs_createdb
def test_its_rows_are_had_back_beside_without_those_of_others(stamped: Sandbox) -> None:
    stamped.sql(SCHEMA)
    taken = take(stamped)
    into = f"{stamped.name}_rows"
    report = restore_backup(
        Request(
            alias=stamped.alias,
            backup=taken.id,
            into=into,
            accept_missing=bool(AS_OWNER),
        ),
        silent,
    )
    count = "SELECT (SELECT count(*) FROM {}), (SELECT mood FROM child LIMIT 1)"
    assert stamped.sql(count.format("child"), dbname=into) == 5
    assert stamped.sql(count.format('"o""dd.P*"'), dbname=into) == 9
    for empty in ("parent", "grandchild", "pg_largeobject_metadata"):
        assert stamped.sql(count.format(empty), dbname=into) == 0
    keys = [what for what in report.missing if what.startswith("FK CONSTRAINT")]
    assert [key.split()[3] for key in keys] == [
        "child",
        "grandchild",
        "migrationops_step",
    ]


@needs_createdb
@pytest.mark.parametrize("level", [Proof.COUNTED, Proof.RESTORED])
def test_it_is_verified_as_any_other(stamped: Sandbox, level: Proof) -> None:
    stamped.sql(SCHEMA)
    taken = take(stamped)

    def verify() -> backups.Verified:
        (found,) = backups.verify_backups(
            alias=stamped.alias, identifier=taken.id, level=level, report=silent
        )
        return found

    assert (verify().level, verify().problem) == (level.name.lower(), "")
    path = stamped.directory / taken.archive
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(bytes(content))
    assert "is not what was written" in verify().problem


def test_one_table_more_in_the_archive_is_found(stamped: Sandbox) -> None:
    """What was counted is what the manifest names: it is compared with the archive."""
    stamped.sql(SCHEMA)
    taken = take(stamped)
    more = replace(taken.tables[0], name="parent", rows=7)
    forged = replace(taken, tables=(*taken.tables, more))
    with pytest.raises(BackupError, match=r"public\.parent: 0 instead of 7"):
        part_rows(stamped, forged)


def part_rows(box: Sandbox, manifest: Manifest) -> int:
    from migrationops.backups.pg_dump import PgDump
    from migrationops.backups.verify import compare_rows

    source = open_source(box.alias, get_conf())
    archive = box.directory / manifest.archive
    return compare_rows(manifest, PgDump().read_back(source, manifest, archive))


def test_without_room_for_it_nothing_is_begun(stamped: Sandbox) -> None:
    huge = Part(tables=("public.child",), bytes=10**18)
    with pytest.raises(PreconditionError, match="The dump needs about"):
        take_backup(
            alias=stamped.alias,
            conf=get_conf(),
            run_id=RUN,
            proof=Proof.COUNTED,
            report=silent,
            part=huge,
        )
    assert part.parse_part(None) is None
