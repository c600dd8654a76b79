"""Plain migrate, flush and loaddata: let through where nothing can be lost."""

from __future__ import annotations

from django.core import mail
from django.db import connections
from django.db.backends.base.creation import TEST_DATABASE_PREFIX

from migrationops import stamp
from migrationops.conf import Conf, get_conf
from migrationops.exceptions import RefusedError
from migrationops.postgres import databases
from migrationops.progress import silent
from migrationops.stamp import Standing
from migrationops.workflows.preparation import install_own_tables, locked


def require_unprotected(alias: str, *, command: str, instead: str) -> Standing:
    """Raise RefusedError where a database is protected from this command.

    By settings or by stamp, whichever is stricter; a test database is nobody's.
    """
    conf = get_conf()
    with databases.connect(alias) as connection:
        standing = stamp.read(connection)
    if not is_test_database(alias) and _is_protected(standing, conf):
        raise RefusedError(
            f"{command} is refused on {standing.database!r}, which is "
            f"{standing.environment or conf.environment}; nothing was changed.",
            remedy=instead,
        )
    stamp.check(standing, conf)
    return standing


def before_migrate(alias: str) -> None:
    """Guard plain migrate; on a new database make our tables and stamp it first."""
    standing = require_unprotected(
        alias, command="migrate", instead="manage.py safe_migrate"
    )
    if not standing.is_new:
        return
    conf = get_conf()
    with locked(alias, conf, "migrate") as lock:
        install_own_tables(alias, conf, lock, silent)


def is_test_database(alias: str) -> bool:
    """Whether Django's test runner made this database.

    A name can be anybody's: it counts only in a process that runs tests, where
    Django has put an outbox in the place of e-mail.
    """
    if not hasattr(mail, "outbox"):
        return False
    settings = connections[alias].settings_dict
    name, test_name = settings["NAME"], settings["TEST"]["NAME"]
    return bool(name.startswith(TEST_DATABASE_PREFIX) or name == test_name)


def _is_protected(standing: Standing, conf: Conf) -> bool:
    environments = {conf.environment, standing.environment or conf.environment}
    return any(e.is_protected for e in environments)
