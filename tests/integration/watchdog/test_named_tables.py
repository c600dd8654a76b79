"""The lock that the grammar foretells is the one that the server takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg import errors

from migrationops.postgres import activity
from migrationops.postgres.named_tables import named_tables
from migrationops.postgres.table_locks import Lock, strongest

if TYPE_CHECKING:
    from migrationops.postgres.databases import Connection
    from tests.integration.watchdog.conftest import Sessions

TABLES = """
DROP TABLE IF EXISTS child, parent CASCADE;
CREATE TABLE parent (id int PRIMARY KEY, word text);
CREATE TABLE child (id int PRIMARY KEY, parent_id int CONSTRAINT fk REFERENCES parent);
ALTER TABLE child ADD CONSTRAINT late CHECK (id > 0) NOT VALID;
CREATE INDEX child_i ON child (parent_id);
CREATE OR REPLACE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER late AFTER TRUNCATE ON child EXECUTE FUNCTION nothing();
CREATE POLICY late ON child;
CREATE RULE late AS ON INSERT TO child DO ALSO NOTIFY nobody;
"""
HELD = """
SELECT relation::int, mode FROM pg_locks
 WHERE pid = pg_backend_pid() AND locktype = 'relation'
   AND relation = ANY (ARRAY['child'::regclass, 'parent'::regclass])
"""
STATEMENTS = {
    "ALTER TABLE child ADD FOREIGN KEY (id) REFERENCES parent NOT VALID": {
        "child": Lock.SRX,
        "parent": Lock.SRX,
    },
    "ALTER TABLE child ADD COLUMN more int REFERENCES parent": {
        "child": Lock.AX,
        "parent": Lock.SRX,
    },
    "ALTER TABLE child ADD COLUMN more int": {"child": Lock.AX},
    "ALTER TABLE child VALIDATE CONSTRAINT late": {"child": Lock.SUX},
    "ALTER TABLE child VALIDATE CONSTRAINT late, ADD more int": {"child": Lock.AX},
    "ALTER TABLE child ALTER id SET STATISTICS 10": {"child": Lock.SUX},
    "ALTER TABLE child DISABLE TRIGGER USER": {"child": Lock.SRX},
    "CREATE INDEX more ON child (id)": {"child": Lock.S},
    "CREATE STATISTICS more ON id, parent_id FROM child": {"child": Lock.SUX},
    "CREATE TRIGGER more AFTER TRUNCATE ON child EXECUTE FUNCTION nothing()": {
        "child": Lock.SRX
    },
    "CREATE TABLE more (parent_id int REFERENCES parent)": {"parent": Lock.SRX},
    "CREATE VIEW more AS SELECT id FROM child NATURAL JOIN (TABLE parent) p": {
        "child": Lock.AS,
        "parent": Lock.AS,
    },
    "LOCK TABLE child, parent IN EXCLUSIVE MODE": {
        "child": Lock.X,
        "parent": Lock.X,
    },
    "UPDATE child SET parent_id = NULL": {"child": Lock.RX},
    "DROP TRIGGER late ON child": {"child": Lock.AX},
    "DROP POLICY late ON child": {"child": Lock.AX},
    "DROP RULE late ON public.child": {"child": Lock.AX},
    "TRUNCATE child": {"child": Lock.AX},
}


@pytest.fixture
def tables(sessions: Sessions) -> Connection:
    connection = sessions.open()
    connection.execute(TABLES)
    return connection


@pytest.mark.parametrize(("statement", "wanted"), STATEMENTS.items())
def test_it_is_the_servers_lock(
    tables: Connection, statement: str, wanted: dict[str, Lock]
) -> None:
    found = {n.split('"')[-2]: lock for n, lock in named_tables(statement).items()}
    with tables.transaction(force_rollback=True):
        tables.execute(statement.encode())
        rows = [(oid, Lock.of(mode)) for oid, mode in tables.execute(HELD)]
        oids = dict(tables.execute("SELECT oid::int, relname FROM pg_class").fetchall())
    held = {oids[oid]: lock for oid, lock in strongest(rows).items()}

    assert {name: found[name] for name in wanted} == wanted
    assert {name: held[name] for name in wanted} == wanted


def test_what_cannot_be_read_names_nothing() -> None:
    assert named_tables("not sql") == {}
    assert named_tables("DROP TABLE a, s.b") == {'"a"': Lock.AX, '"s"."b"': Lock.AX}


@pytest.mark.parametrize("kind", ["SCHEMA", "TYPE", "FUNCTION"])
def test_what_is_no_table_is_not_named(kind: str) -> None:
    assert named_tables(f"DROP {kind} a") == {}


@pytest.mark.parametrize("ours", Lock)
def test_whoever_holds_what_does_not_conflict_is_no_blocker(
    sessions: Sessions, tables: Connection, ours: Lock
) -> None:
    """In every mode another holds the table; the server says whether we get it."""
    holder = sessions.open("holder")
    for theirs in Lock:
        with holder.transaction():
            holder.execute(f"LOCK TABLE child IN {theirs.title} MODE")
            found = activity.blockers_of(tables, {"child": ours})
            free = _is_free(tables, ours)

        assert [o.application for o in found] == ([] if free else ["holder"])


def _is_free(connection: Connection, lock: Lock) -> bool:
    try:
        with connection.transaction():
            connection.execute(f"LOCK TABLE child IN {lock.title} MODE NOWAIT")
    except errors.LockNotAvailable:
        return False
    return True
