"""A member's chores as a calendar that other programs subscribe to."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db.models import Q
from icalendar import Calendar, Event

from chores.tasks.models import Occurrence
from chores.tasks.models.occurrence import STANDING

if TYPE_CHECKING:
    from chores.households.models import Membership

LENGTH = datetime.timedelta(minutes=30)
HOURLY = datetime.timedelta(hours=1)


def calendar_of(member: Membership, *, now: datetime.datetime) -> bytes:
    """Return what a member is asked to do, and what is up for grabs, as iCalendar."""
    calendar = Calendar()
    calendar.add("prodid", "-//chores//household//EN")
    calendar.add("version", "2.0")
    calendar.add("x-wr-calname", f"{member.household.name}: {member.name}")
    calendar.add("x-published-ttl", HOURLY)
    mine = Q(assignee=member) | Q(assignee__isnull=True)
    rows = Occurrence.objects.filter(
        mine, household=member.household_id, status__in=STANDING
    )
    for occurrence in rows.select_related("chore", "household").order_by(
        "due_on", "pk"
    ):
        calendar.add_component(event_of(occurrence, now))
    return bytes(calendar.to_ical())


def event_of(occurrence: Occurrence, now: datetime.datetime) -> Event:
    """Return an occurrence as an event: at its time, or for the whole day."""
    chore = occurrence.chore
    event = Event()
    event.add("uid", f"occurrence-{occurrence.pk}@chores")
    event.add("dtstamp", now)
    event.add("summary", str(chore))
    if chore.due_time is not None and occurrence.due_at is not None:
        length = datetime.timedelta(minutes=chore.minutes) if chore.minutes else LENGTH
        event.add("dtstart", occurrence.due_at - length)
        event.add("dtend", occurrence.due_at)
    else:
        event.add("dtstart", occurrence.due_on)
        event.add("dtend", occurrence.due_on + datetime.timedelta(days=1))
    free = "" if occurrence.assignee_id else "Up for grabs. "
    worth = f"{chore.points} {occurrence.household.points_name}"
    event.add("description", f"{free}{worth}. {chore.note}".strip())
    return event
