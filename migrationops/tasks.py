"""What a scheduler runs every day; install_schedules has django-q2 call these."""

from __future__ import annotations

from django.db import DEFAULT_DB_ALIAS

from migrationops.backups.retention import Retention
from migrationops.conf import Proof
from migrationops.exceptions import DiffersError
from migrationops.progress import silent
from migrationops.workflows import backups, expire_backups


def verify_backups(alias: str = DEFAULT_DB_ALIAS) -> int:
    """Prove every backup again by counting; return how many hold.

    Raises DiffersError, and so fails the task, when one does not.
    """
    found = backups.verify_backups(
        alias=alias, identifier=None, level=Proof.COUNTED, report=silent
    )
    if broken := [f"{v.id}: {v.problem}" for v in found if v.problem]:
        raise DiffersError("; ".join(broken), remedy="Take a new one: manage.py backup")
    return len(found)


def expire(alias: str = DEFAULT_DB_ALIAS) -> list[str]:
    """Delete what retention lets go; return the names."""
    request = expire_backups.Request(alias=alias, retention=Retention(), apply=True)
    return list(expire_backups.expire_backups(request).expiry.expired)
