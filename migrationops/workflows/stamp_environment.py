"""Say, once and by name, which environment a database belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops import graph, stamp
from migrationops.conf import Conf, get_conf
from migrationops.exceptions import RefusedError
from migrationops.executor import own_tables
from migrationops.executor.session import open_session
from migrationops.postgres import databases
from migrationops.postgres.locks import runner_lock
from migrationops.progress import ProgressCallback
from migrationops.stamp import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    database: str
    environment: str
    before: str | None


def stamp_environment(
    *, alias: str, environment: str, typed_name: str, report: ProgressCallback
) -> Report:
    """Stamp the database, when name and settings agree with what was typed.

    Raises RefusedError otherwise, and for a database of another environment.
    """
    conf = get_conf()
    standing = _require_stampable(alias, conf, environment, typed_name)
    with (
        runner_lock(
            alias,
            maintenance_db=conf.maintenance_db,
            wait=conf.policy.wait,
            application="migrationops stamp_environment",
        ) as lock,
        open_session(alias, conf.policy, lock, report) as session,
    ):
        own_tables.install(session, conf, graph.load(alias))
        with databases.connect(alias) as connection:
            stamp.write(connection, conf)
    return Report(
        database=standing.database,
        environment=environment,
        before=standing.environment,
    )


def _require_stampable(
    alias: str, conf: Conf, environment: str, typed_name: str
) -> Standing:
    if environment != conf.environment:
        raise RefusedError(
            f"--env {environment}, but these settings are {conf.environment}; "
            "nothing was changed.",
            remedy="Use the settings of that environment.",
        )
    with databases.connect(alias) as connection:
        standing = stamp.read(connection)
    if typed_name != standing.database:
        raise RefusedError(
            f"The database is called {standing.database!r}, not {typed_name!r}; "
            "nothing was changed."
        )
    if standing.environment not in (None, conf.environment):
        raise RefusedError(
            f"It is stamped {standing.environment} already; nothing was changed.",
            remedy="If that is wrong, a person changes the row of migrationops_stamp.",
        )
    return standing
