"""What every refusal and failure owes the operator, asked in one place."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from migrationops.postgres import locks
from tests.shop import Shop

# What the operator's own tables are and which migrations are recorded; history is ours.
_STANDING = """
SELECT c.relname, c.relkind::text, c.relfilenode::bigint,
       array_agg(a.attname || ' ' || a.atttypid::regtype ORDER BY a.attnum)::text
FROM pg_class c LEFT JOIN pg_attribute a
  ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relname !~ '^migrationops_'
GROUP BY c.oid
UNION ALL
SELECT app, name, id, '' FROM django_migrations
"""


def refused(
    done: subprocess.CompletedProcess[str], code: int, *texts: str, next_: str = ""
) -> None:
    """See that a command ended with this code, said why, and what to do next."""
    everything = done.stdout + done.stderr
    assert done.returncode == code, everything
    assert "Traceback" not in everything
    for text in texts:
        assert text in done.stderr, everything
    assert f"\nNext: {next_}" in done.stderr, everything


@contextmanager
def unchanged(shop: Shop) -> Iterator[None]:
    """See that the block leaves tables, columns and records as they were."""
    before = standing(shop)
    yield
    assert standing(shop) == before


@contextmanager
def runner_at_work(shop: Shop) -> Iterator[None]:
    """Hold the runner lock as another run would, in the maintenance database."""
    key = locks.key(str(shop.params["dbname"]))
    with shop.connect(dbname="postgres", application_name="another run") as holder:
        holder.execute("SELECT pg_advisory_lock(%s)", [key])
        yield


def standing(shop: Shop) -> set[tuple[Any, ...]]:
    """Return the tables of the project and the records of its migrations."""
    return set(shop.query(_STANDING))


def last_run(shop: Shop) -> tuple[Any, ...]:
    """Return state and exit code of the newest run in the history."""
    (row,) = shop.query(
        "SELECT state, exit_code FROM migrationops_run ORDER BY started_at DESC LIMIT 1"
    )
    return row


def wait_for(shop: Shop, condition: str) -> None:
    """Wait until the database says so."""
    deadline = time.monotonic() + 60
    while not shop.query(condition)[0][0]:
        assert time.monotonic() < deadline, condition
        time.sleep(0.02)
