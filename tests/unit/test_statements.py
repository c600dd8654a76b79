from __future__ import annotations

import pytest

from migrationops.postgres.statements import StatementClass, classify
from migrationops.postgres.timeouts import Limits


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("ALTER TABLE t ADD COLUMN a int", StatementClass.BLOCKING),
        ("CREATE INDEX i ON t (a)", StatementClass.BLOCKING),
        ("CREATE INDEX CONCURRENTLY i ON t (a)", StatementClass.CONCURRENT),
        ("DROP INDEX CONCURRENTLY i", StatementClass.CONCURRENT),
        ("REINDEX (CONCURRENTLY) TABLE t", StatementClass.CONCURRENT),
        ("ALTER TABLE t DETACH PARTITION p CONCURRENTLY", StatementClass.CONCURRENT),
        ("ALTER TABLE t VALIDATE CONSTRAINT c", StatementClass.VALIDATING),
        (
            "ALTER TABLE t VALIDATE CONSTRAINT c, ADD COLUMN a int",
            StatementClass.BLOCKING,
        ),
        ("UPDATE t SET a = 1", StatementClass.DATA),
        ("UPDATE t SET a = %s WHERE b = %(b)s", StatementClass.DATA),
        ("SELECT a FROM t WHERE b > %s AND c LIKE 'x%%'", StatementClass.DATA),
        ("SET lock_timeout = 0", StatementClass.SESSION),
        ("SELECT 1; DROP TABLE t", StatementClass.BLOCKING),
        ("not sql at all", StatementClass.BLOCKING),
        ("DO $$ BEGIN EXECUTE 'DROP TABLE t'; END $$", StatementClass.BLOCKING),
    ],
)
def test_the_grammar_decides(sql: str, wanted: StatementClass) -> None:
    assert classify(sql) is wanted


def test_a_concurrent_build_is_never_cut_off() -> None:
    limits = Limits.of(StatementClass.CONCURRENT, lock_timeout=2, statement_timeout=60)

    assert limits == Limits(lock_timeout=0, statement_timeout=0)


def test_what_blocks_others_waits_for_a_short_time_only() -> None:
    limits = Limits.of(StatementClass.BLOCKING, lock_timeout=2, statement_timeout=60)

    assert limits == Limits(lock_timeout=2000, statement_timeout=60_000)
