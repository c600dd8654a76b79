"""How the whole platform does today.

The figures are read from every household's rows, so a job keeps them: a page shows
what the job found last, and looks for itself where no job runs.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from django.db.models import Count, Min
from django.utils import timezone
from django_q.models import Success

from chores.households.models import Household
from chores.tasks.models import Chore, ChoreCompletion, Occurrence, State, Status

JOB = "chores.tasks.jobs.run_pulse"
KEPT = datetime.timedelta(hours=1)
WEEKS = 12
MOST_MISSED = 5
NEW = datetime.timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """Today's figures, twelve weeks of completions, what is missed most."""

    at: datetime.datetime
    today: datetime.date
    overdue: int
    waiting: int
    done_today: int
    new_households: int
    per_day: Mapping[datetime.date, int]
    missed: Sequence[tuple[str, int]]
    generated_until: datetime.date | None


def pulse(*, now: datetime.datetime | None = None) -> Pulse:
    """Return the platform's figures for this moment."""
    now = now or timezone.now()
    today = now.date()
    first = today - datetime.timedelta(weeks=WEEKS)
    done = ChoreCompletion.objects.filter(state=State.APPROVED, done_on__gt=first)
    per_day = dict(done.values_list("done_on").annotate(n=Count("pk")).order_by())
    overdue = Occurrence.objects.filter(
        status=Status.OPEN, due_at__lt=now, household__archived_at__isnull=True
    )
    missed = Occurrence.objects.filter(status=Status.MISSED, closed_at__gt=now - NEW)
    names = missed.values_list("chore__name").annotate(n=Count("pk"))
    living = Chore.objects.filter(
        archived_at__isnull=True, household__archived_at__isnull=True
    )
    return Pulse(
        at=now,
        today=today,
        overdue=overdue.count(),
        waiting=ChoreCompletion.objects.filter(state=State.PENDING).count(),
        done_today=per_day.get(today, 0),
        new_households=Household.objects.filter(created_at__gt=now - NEW).count(),
        per_day=per_day,
        missed=list(names.order_by("-n")[:MOST_MISSED]),
        generated_until=living.aggregate(oldest=Min("next_on"))["oldest"],
    )


def last_pulse(*, now: datetime.datetime | None = None) -> Pulse:
    """Return what the job found within the hour, else the figures of this moment."""
    now = now or timezone.now()
    kept = Success.objects.filter(func=JOB, stopped__gt=now - KEPT).first()
    found: dict[str, Any] = kept.result if kept is not None else {}
    if found.keys() != {field.name for field in fields(Pulse)}:
        return pulse(now=now)
    return Pulse(**found)
