"""Bringing a chore's occurrences in line with a change, in its transaction."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from chores.households.configuration import HORIZON_DAYS
from chores.households.days import DAY, due_instant, household_day
from chores.tasks.closing import is_active, lock_chores
from chores.tasks.generator import generate_for
from chores.tasks.models import Chore, ChoreCompletion, Occurrence, Schedule, Status
from chores.tasks.models.occurrence import STANDING
from chores.tasks.people import People, people_of
from chores.tasks.planning import chore_dates, expiry
from chores.tasks.staffing import is_wanted, set_people

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

ATTEMPTED = Exists(ChoreCompletion.objects.filter(occurrence=OuterRef("pk")))
WRITTEN = ("opens_on", "due_at", "expires_at", "turn_of_id", "assignee_id")
UNCLAIMED = Q(assignee__isnull=True) | Q(assignee=F("turn_of")) | Q(assignee=F("slot"))


def replan_household(
    household_id: int, *, now: datetime.datetime | None = None
) -> None:
    """Replan all chores of a household."""
    chores = Chore.objects.filter(household=household_id, archived_at__isnull=True)
    replan(chores.values_list("pk", flat=True), now=now)


def replan(chore_ids: Iterable[int], *, now: datetime.datetime | None = None) -> None:
    """Make occurrences what definitions, people and zones now ask for.

    1. What opens later and nobody has touched is deleted.
    2. What is open gets its times anew, and another assignee where it must.
    3. What is missing up to the horizon is made.
    A chore that rests keeps nothing open.
    """
    now = now or timezone.now()
    chores = lock_chores(chore_ids)
    people = people_of(chores)
    for chore in chores:
        if is_active(chore):
            today = household_day(chore.household, now)
            delete_surplus(chore, today)
            reassign(chore, people[chore.pk], now)
            chore.next_on = first_missing(chore, today)
        else:
            rest(chore, now)
    Chore.objects.bulk_update(chores, ["next_on"])
    generate_for(chores, now=now, horizon_days=HORIZON_DAYS.get())


def standing(chore: Chore) -> QuerySet[Occurrence]:
    """Return what of a chore is open or submitted."""
    return Occurrence.objects.filter(chore=chore, status__in=STANDING)


def untouched(rows: QuerySet[Occurrence]) -> QuerySet[Occurrence]:
    """Return open rows that nobody has tried to complete."""
    return rows.filter(~ATTEMPTED, status=Status.OPEN)


def rest(chore: Chore, now: datetime.datetime) -> None:
    """Keep nothing open of a chore that is paused or archived."""
    untouched(standing(chore)).delete()
    standing(chore).filter(status=Status.OPEN).update(
        status=Status.SKIPPED, closed_at=now
    )
    chore.next_on = None


def delete_surplus(chore: Chore, today: datetime.date) -> None:
    """Delete what nobody has touched and the definition no longer has."""
    rows = untouched(standing(chore))
    match Schedule(chore.schedule):
        case Schedule.CALENDAR:
            rows.filter(UNCLAIMED, opens_on__gt=today).delete()
        case Schedule.ONCE:
            rows.exclude(due_on=chore.starts_on).delete()
        case Schedule.AFTER:
            kept = standing(chore).order_by("-status", "due_on", "slot")
            rows.exclude(pk__in=kept.values_list("pk", flat=True)[:1]).delete()
        case Schedule.ANYTIME:
            rows.delete()


def first_missing(chore: Chore, today: datetime.date) -> datetime.date | None:
    """Return the date to generate from; what exists is not made twice."""
    begun = Occurrence.objects.filter(chore=chore).exists()
    first = max(chore.starts_on, today) if begun else chore.starts_on
    match Schedule(chore.schedule):
        case Schedule.CALENDAR:
            return next(chore_dates(chore, first), None)
        case Schedule.ONCE:
            return chore.starts_on
        case Schedule.AFTER:
            return None if standing(chore).exists() else first
        case Schedule.ANYTIME:
            return None


def reassign(chore: Chore, people: People, now: datetime.datetime) -> None:
    """Give what is open its times, and people who are there."""
    rows = standing(chore).order_by("due_on", "slot")
    for occurrence in rows.select_for_update(no_key=True):
        before = {name: getattr(occurrence, name) for name in WRITTEN}
        set_times(chore, occurrence)
        if occurrence.status == Status.OPEN:
            set_people(chore, occurrence, people)
            if not is_wanted(chore, occurrence, people):
                drop(occurrence, now)
                continue
        if before != {name: getattr(occurrence, name) for name in WRITTEN}:
            occurrence.save()


def set_times(chore: Chore, occurrence: Occurrence) -> None:
    """Work out when it opens, is due and expires; its date never changes."""
    day = occurrence.due_on
    occurrence.opens_on = day - datetime.timedelta(days=chore.lead_days)
    occurrence.due_at = due_instant(chore.household, day, chore.due_time)
    occurrence.expires_at = None
    if chore.schedule == Schedule.CALENDAR:
        following = next(chore_dates(chore, day + DAY), None)
        occurrence.expires_at = expiry(chore, day, following)


def drop(occurrence: Occurrence, now: datetime.datetime) -> None:
    """Delete an open row, or close it as skipped where somebody tried."""
    if occurrence.completions.exists():
        occurrence.status, occurrence.closed_at = Status.SKIPPED, now
        occurrence.save()
    else:
        occurrence.delete()
