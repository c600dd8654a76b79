from __future__ import annotations

import pytest

from migrationops.rehearsal import kinds


@pytest.mark.parametrize(
    ("sql", "reads"),
    [
        ("SELECT 1", True),
        ("SELECT a FROM t WHERE b LIKE '50%%' AND c = %s AND d = %(name)s", True),
        ("SET LOCAL lock_timeout = '1s'", True),
        ("UPDATE t SET a = %s", False),
        ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", False),
        ("DO $$ BEGIN END $$", False),
        ("this is no SQL", False),
    ],
)
def test_what_only_reads(sql, reads):
    assert kinds.only_reads(sql) is reads


@pytest.mark.parametrize(
    ("sql", "defines"),
    [
        ("GRANT SELECT ON t TO PUBLIC", True),
        ("CREATE INDEX IF NOT EXISTS i ON t (a)", True),
        ("ALTER TABLE t ADD a int; UPDATE t SET a = 1", False),
        ("SELECT setval('s', 1)", False),
        ("CALL p()", False),
    ],
)
def test_what_only_defines(sql, defines):
    assert kinds.only_defines(sql) is defines


@pytest.mark.parametrize(
    ("sql", "alone"),
    [
        ("ALTER TABLE t ADD a int", True),
        ("ALTER TABLE t RENAME TO u", False),
        ("ALTER TABLE t SET SCHEMA s", False),
        ("ALTER INDEX i ATTACH PARTITION j", False),
        ("ALTER INDEX i SET (fillfactor = 70)", False),
        ("ALTER TYPE e RENAME VALUE 'a' TO 'b'", False),
        ("CREATE TABLE t (a int); CREATE INDEX ON t (a)", True),
    ],
)
def test_what_changes_the_tables_that_it_locks_and_no_others(sql, alone):
    assert kinds.changes_locked_tables_only(sql) is alone
