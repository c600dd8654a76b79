"""What the commands on a whole database begin with: the lock, and our own tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections

from migrationops import graph
from migrationops.conf import Conf
from migrationops.executor import own_tables
from migrationops.executor.session import open_session
from migrationops.postgres.locks import RunnerLock, runner_lock
from migrationops.progress import ProgressCallback, silent


@contextmanager
def locked(
    alias: str,
    conf: Conf,
    command: str,
    *,
    wait: float | None = None,
    report: ProgressCallback = silent,
) -> Iterator[RunnerLock]:
    """Hold the runner lock; `wait` in seconds, None means the policy's.

    The alias connects anew: a restore that was waited for has put another database in
    the place of that to which it was connected, or ended its session there.
    """
    with runner_lock(
        alias,
        maintenance_db=conf.maintenance_db,
        wait=conf.policy.wait if wait is None else wait,
        application=f"migrationops {command}",
        report=report,
    ) as lock:
        if not connections[alias].in_atomic_block:
            connections[alias].close()
        yield lock


def install_own_tables(
    alias: str, conf: Conf, lock: RunnerLock, report: ProgressCallback
) -> None:
    """Bring our own tables up to date, and stamp a database that holds nothing."""
    with open_session(alias, conf.policy, lock, report) as session:
        own_tables.install(session, conf, graph.load(alias))
