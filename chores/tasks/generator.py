"""Making occurrences up to the horizon: insert if absent, as often as you like."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import DEFAULT_DB_ALIAS, transaction
from django.db.models import Count, F, Max, Q
from django.utils import timezone

from chores.households.configuration import HORIZON_DAYS
from chores.tasks.models import Assign, Chore, Occurrence, Schedule
from chores.tasks.models.occurrence import STANDING
from chores.tasks.people import Turn, alias_of, people_of
from chores.tasks.planning import NOTHING, History, Plan, Window, plan

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

BATCH = 500
DUE = """
SELECT c.id
  FROM tasks_chore AS c
  JOIN households_household AS h ON h.id = c.household_id
 WHERE c.archived_at IS NULL AND c.next_on IS NOT NULL AND NOT c.paused
   AND h.archived_at IS NULL
   AND c.next_on <= %(latest)s
   AND c.next_on - %(days)s <= (
     %(now)s AT TIME ZONE h.timezone - make_interval(hours => h.day_starts_hour)
   )::date
   AND c.id > %(after)s
 ORDER BY c.id
 LIMIT %(batch)s
   FOR NO KEY UPDATE OF c SKIP LOCKED
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """How many chores were looked at, and how many occurrences were new."""

    chores: int
    occurrences: int


def generate(
    *,
    now: datetime.datetime | None = None,
    horizon_days: int | None = None,
    batch: int = BATCH,
    alias: str = DEFAULT_DB_ALIAS,
) -> Generated:
    """Make the occurrences of all chores up to the horizon.

    Chores that somebody is working on are left to the next pass.
    """
    now = now or timezone.now()
    horizon_days = (
        HORIZON_DAYS.get(alias=alias) if horizon_days is None else horizon_days
    )
    looked = made = after = 0
    while True:
        with transaction.atomic(using=alias):
            chores = due_chores(
                now, horizon_days, after=after, batch=batch, alias=alias
            )
            if not chores:
                return Generated(chores=looked, occurrences=made)
            made += generate_for(chores, now=now, horizon_days=horizon_days)
        looked += len(chores)
        after = chores[-1].pk


def due_chores(
    now: datetime.datetime, horizon_days: int, *, after: int, batch: int, alias: str
) -> list[Chore]:
    """Lock and return the next chores that have dates to make."""
    latest = now.date() + datetime.timedelta(days=horizon_days + 1)
    found = Chore.objects.using(alias).raw(
        DUE,
        {
            "now": now,
            "latest": latest,
            "days": horizon_days,
            "after": after,
            "batch": batch,
        },
    )
    ids = [chore.pk for chore in found]
    chores = Chore.objects.using(alias).filter(pk__in=ids).select_related("household")
    return list(chores.order_by("pk"))


def generate_for(
    chores: Iterable[Chore], *, now: datetime.datetime, horizon_days: int
) -> int:
    """Make the occurrences of locked chores; return how many were new."""
    chores = [chore for chore in chores if chore.next_on is not None]
    if not chores:
        return 0
    people = people_of(chores)
    turns = last_turns(chores)
    taken = taken_turns(chores)
    history = histories(chores)
    plans: list[Plan] = []
    for chore in chores:
        window = Window(
            now=now,
            horizon_days=horizon_days,
            people=people[chore.pk],
            last_turn=turns.get(chore.pk),
            taken=taken.get(chore.pk, {}),
            history=history.get(chore.pk, NOTHING),
        )
        plans.append(plan(chore, window))
        chore.next_on = plans[-1].next_on
    alias = alias_of(chores)
    made = insert([row for made in plans for row in made.occurrences], alias=alias)
    Chore.objects.using(alias).bulk_update(chores, ["next_on"], batch_size=BATCH)
    return made


def insert(rows: list[Occurrence], *, alias: str | None) -> int:
    """Insert the rows that do not exist; return how many did not."""
    if not rows:
        return 0
    slots = {(row.chore_id, row.due_on, row.slot) for row in rows}
    wanted = Occurrence.objects.using(alias).filter(
        chore__in={row.chore_id for row in rows},
        due_on__in={row.due_on for row in rows},
    )
    existing = slots & set(wanted.values_list("chore_id", "due_on", "slot"))
    Occurrence.objects.using(alias).bulk_create(
        [row for row in rows if (row.chore_id, row.due_on, row.slot) not in existing],
        ignore_conflicts=True,
        batch_size=5000,
    )
    return len(slots - existing)


def histories(chores: list[Chore]) -> dict[int, History]:
    """Return what chores that follow their completion have already, by their id."""
    after = [chore.pk for chore in chores if chore.schedule == Schedule.AFTER]
    if not after:
        return {}
    rows = (
        Occurrence.objects.using(alias_of(chores))
        .filter(chore__in=after)
        .values("chore_id")
        .annotate(
            standing=Count("pk", filter=Q(status__in=STANDING)),
            slot=Max("slot", filter=Q(due_on=F("chore__next_on"))),
        )
    )
    return {
        row["chore_id"]: History(
            standing=row["standing"] > 0,
            free_slot=0 if row["slot"] is None else row["slot"] + 1,
        )
        for row in rows
    }


def last_turns(
    chores: list[Chore], *, before: datetime.date | None = None
) -> dict[int, Turn]:
    """Return the newest turn of each chore before a date, by the chore's id.

    Without a date: before what is to be made, or, where each follows the one
    before, the newest at all.
    """
    new = Q(due_on__lt=F("chore__next_on")) | Q(chore__schedule=Schedule.AFTER)
    newest = (
        turns_of(chores)
        .filter(new if before is None else Q(due_on__lt=before))
        .order_by("chore_id", "-due_on", "-slot")
        .distinct("chore_id")
    )
    return {
        chore: Turn(day=day, member=member)
        for chore, day, member in newest.values_list("chore_id", "due_on", "turn_of_id")
    }


def taken_turns(chores: list[Chore]) -> dict[int, dict[datetime.date, int]]:
    """Return the turns that exist among the dates to be made, by the chore's id."""
    taken: defaultdict[int, dict[datetime.date, int]] = defaultdict(dict)
    rows = turns_of(chores).filter(due_on__gte=F("chore__next_on"))
    for chore, day, member in rows.values_list("chore_id", "due_on", "turn_of_id"):
        assert member is not None
        taken[chore][day] = member
    return taken


def turns_of(chores: list[Chore]) -> QuerySet[Occurrence]:
    """Return the occurrences that were somebody's turn."""
    taking = [chore.pk for chore in chores if chore.assign == Assign.TURNS]
    occurrences = Occurrence.objects.using(alias_of(chores))
    return occurrences.filter(chore__in=taking, turn_of__isnull=False)
