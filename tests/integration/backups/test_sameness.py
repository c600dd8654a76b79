"""What is restored is the same: objects, rows, settings, history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from psycopg import sql

from migrationops.backups.source import open_source
from migrationops.conf import Proof, get_conf
from migrationops.postgres import tools
from migrationops.postgres.properties import read_properties
from migrationops.progress import silent
from migrationops.workflows.aftermath import Aftermath
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from tests.integration.backups.inventory import Rows, inventory, unused_types
from tests.integration.backups.restoring import put_back, take
from tests.roles import needs_superuser

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
FAULTS = pytest.mark.faults
OBJECTS = Path(__file__).with_name("objects.sql").read_text()


@needs_superuser("restores an event trigger")
@pytest.mark.parametrize(
    "how",
    [
        {},
        pytest.param({"jobs": 2}, marks=FAULTS),
        pytest.param({"ready_copy": True}, marks=FAULTS),
        pytest.param({"engine": "template"}, marks=FAULTS),
    ],
    ids=str,
)
def test_every_kind_of_object_is_the_same_after(
    stamped: Sandbox, how: dict[str, Any]
) -> None:
    stamped.sql(OBJECTS)
    before = _inventory(stamped)
    assert [kind for kind, found in before.items() if not found] == []
    texts = _plain_dump(stamped), _row_hashes(stamped)
    backup(BackupRequest(alias=stamped.alias, **how), silent)
    put_back(stamped, from_ready_copy="ready_copy" in how)
    after = _inventory(stamped)
    assert {k: v for k, v in after.items() if v != before[k]} == {}
    assert (_plain_dump(stamped), _row_hashes(stamped)) == texts


@needs_superuser("makes every kind of object")
def test_every_type_of_the_server_is_among_them(sandbox: Sandbox) -> None:
    sandbox.sql(OBJECTS)
    with sandbox.connect() as connection:
        assert unused_types(connection) == []


@needs_superuser("makes a role")
def test_what_belongs_to_the_name_stays_with_it(box: Sandbox) -> None:
    name = sql.Identifier(box.name).as_string()
    role = f"{box.name}_r"
    box.sql(
        f"CREATE ROLE {role};"
        f"COMMENT ON DATABASE {name} IS 'the one and only';"
        f"ALTER DATABASE {name} SET search_path = '$user', public, \"Odd, one\";"
        f"ALTER DATABASE {name} SET work_mem = '5MB';"
        f"ALTER DATABASE {name} SET \"my.setting\" = 'it''s';"
        f"ALTER ROLE {role} IN DATABASE {name} SET statement_timeout = '7s';"
        f"REVOKE ALL ON DATABASE {name} FROM PUBLIC;"
        f"GRANT CONNECT ON DATABASE {name} TO {role} WITH GRANT OPTION;"
        f"ALTER DATABASE {name} CONNECTION LIMIT 77"
    )
    try:
        with box.connect() as connection:
            before = read_properties(connection)
        manifest = take(box)
        assert manifest.properties == before
        box.sql(f"ALTER DATABASE {name} SET work_mem = '6MB'")  # since the backup
        with box.connect() as connection:
            now = read_properties(connection)
        put_back(box)
        with box.connect() as connection:
            assert read_properties(connection) == now != before
            assert connection.execute("SHOW my.setting").fetchone() == ("it's",)
    finally:
        box.drop()
        box.sql(f"DROP ROLE {role}", dbname="postgres")
        box.create()


def test_history_goes_along(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the swap: killed right after it, what is live has its history."""
    monkeypatch.setattr(Aftermath, "carry_history", lambda *_: pytest.fail("too late"))
    take(box)
    box.sql("UPDATE migrationops_run SET error = 'seen later' WHERE command = 'backup'")
    report = put_back(box)
    assert report.history_rows >= 2
    assert box.sql("SELECT error FROM migrationops_run WHERE command = 'backup'") == (
        "seen later"
    )
    assert box.sql(
        "SELECT report->>'kept' FROM migrationops_run "
        "WHERE command = 'restore' AND state = 'done'"
    ) == (report.kept)


@needs_superuser("marks an index as INVALID")
@pytest.mark.parametrize("engine", ["pg_dump", pytest.param("template", marks=FAULTS)])
def test_an_invalid_index_is_told_of_or_comes_along(box: Sandbox, engine: str) -> None:
    """A dump is without it, and says nothing."""
    box.sql("CREATE UNIQUE INDEX twice ON item (name)")
    box.sql(
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'twice'::regclass"
    )
    request = BackupRequest(alias=box.alias, engine=engine, proof=Proof.RESTORED)
    assert backup(request, silent).backup.invalid_indexes == ("public.twice",)
    report = put_back(box)
    there = box.sql("SELECT to_regclass('twice') IS NOT NULL")
    named = "INDEX public.twice, which was INVALID" in report.missing
    assert (there, named) == ((False, True) if engine == "pg_dump" else (True, False))


def _inventory(box: Sandbox) -> dict[str, Rows]:
    with box.connect() as connection:
        return inventory(connection)


def _plain_dump(box: Sandbox) -> list[str]:
    """Return everything pg_dump knows, without what a run writes for itself."""
    source = open_source(box.alias, get_conf())
    text = tools.run(
        source.programs,
        "pg_dump",
        "--exclude-table-data=migrationops_*",
        "--exclude-table-data=django_migrations",
        environment=source.environment(),
    )
    return [
        line
        for line in text.splitlines()
        if not line.startswith(("\\restrict", "\\unrestrict"))
        and "migrationops_" not in line
    ]


def _row_hashes(box: Sandbox) -> dict[str, tuple[Any, ...]]:
    with box.connect() as connection:
        names = connection.execute(
            "SELECT oid::regclass::text FROM pg_class "
            "WHERE relkind IN ('r', 'm') AND relispopulated "
            "AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)' "
            "AND relname !~ '^migrationops_' ORDER BY 1"
        ).fetchall()
        return {
            name: connection.execute(
                "SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) "
                f"FROM ONLY {name} t".encode()
            ).fetchone()
            or ()
            for (name,) in names
        }
