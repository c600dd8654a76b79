"""Marking what was not done in time as missed; overdue is never stored."""

from __future__ import annotations

import datetime

from django.db import transaction
from django.utils import timezone

from chores.tasks.models import Occurrence, Status

BATCH = 1000


def sweep(*, now: datetime.datetime | None = None, batch: int = BATCH) -> int:
    """Close open occurrences that have expired; return how many.

    Those that somebody is working on are left to the next pass.
    """
    now = now or timezone.now()
    swept = 0
    while closed := sweep_batch(now, batch):
        swept += closed
    return swept


@transaction.atomic
def sweep_batch(now: datetime.datetime, batch: int) -> int:
    """Close one batch; return how many."""
    expired = Occurrence.objects.filter(status=Status.OPEN, expires_at__lt=now)
    locked = expired.order_by("expires_at").select_for_update(
        no_key=True, skip_locked=True
    )
    ids = list(locked.values_list("pk", flat=True)[:batch])
    return Occurrence.objects.filter(pk__in=ids).update(
        status=Status.MISSED, closed_at=now
    )
