"""Say, once and by name, which environment a database belongs to."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops import stamp
from migrationops.conf import Conf, get_conf
from migrationops.exceptions import RefusedError
from migrationops.postgres import databases
from migrationops.progress import ProgressCallback
from migrationops.stamp import Standing
from migrationops.workflows.confirmation import Ask, confirm_name
from migrationops.workflows.preparation import install_own_tables, locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    database: str
    environment: str
    before: str | None


def stamp_environment(
    *, alias: str, environment: str, ask: Ask, report: ProgressCallback
) -> Report:
    """Stamp the database, when the name that `ask` gives and the settings agree.

    Raises RefusedError otherwise, and for a database of another environment.
    """
    conf = get_conf()
    standing = _require_stampable(alias, conf, environment, ask)
    with locked(alias, conf, "stamp_environment", report=report) as lock:
        install_own_tables(alias, conf, lock, report)
        with databases.connect(alias) as connection:
            stamp.write(connection, conf)
    return Report(
        database=standing.database,
        environment=environment,
        before=standing.environment,
    )


def _require_stampable(alias: str, conf: Conf, environment: str, ask: Ask) -> Standing:
    if environment != conf.environment:
        raise RefusedError(
            f"--env {environment}, but these settings are {conf.environment}; "
            "nothing was changed.",
            remedy="Use the settings of that environment.",
        )
    with databases.connect(alias) as connection:
        standing = stamp.read(connection)
    if standing.environment not in (None, conf.environment):
        raise RefusedError(
            f"It is stamped {standing.environment} already; nothing was changed.",
            remedy="If that is wrong, a person changes the row of migrationops_stamp.",
        )
    confirm_name(ask, standing.database)
    return standing
