"""Half a year for households that exist: those of the fixtures, or any."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from random import Random

from chores.households.models import Household, Membership, Role
from chores.rewards import builtin
from chores.rewards.models import Achievement, Reward
from chores.scenarios.batch import Batch
from chores.scenarios.history import Home, write_history
from chores.scenarios.purse import Purse, badges_of
from chores.scenarios.timeline import DAY, Job, calendar_of
from chores.tasks import rules
from chores.tasks.models import Chore, ChoreParticipant, Occurrence, Schedule

HISTORY = 180
BETWEEN = 4


def without_history(alias: str) -> Iterator[Household]:
    """Yield households with an admin in which nothing was ever due."""
    begun = Occurrence.objects.using(alias).values("household")
    admins = Membership.objects.using(alias).active().filter(role=Role.ADMIN)
    households = Household.objects.using(alias).filter(archived_at=None)
    led = households.filter(pk__in=admins.values("household"))
    yield from led.exclude(pk__in=begun).order_by("pk")


def add_history(
    batch: Batch, household: Household, rng: Random, today: datetime.date, alias: str
) -> None:
    """Add half a year to a household; its members' figures follow at the end."""
    builtin.create_missing([household.pk], alias=alias)
    purses = purses_of(household, alias)
    admins = [pk for pk, purse in purses.items() if purse.role == Role.ADMIN]
    rewards = Reward.objects.using(alias).filter(
        household=household, stock__isnull=True, archived_at__isnull=True
    )
    home = Home(
        id=household.pk,
        calendar=calendar_of(household.timezone),
        admin=admins[0],
        purses=purses,
        rewards=list(rewards.values_list("pk", "cost")) or [(0, 10**9)],
    )
    jobs = list(jobs_of(household, list(purses.values()), rng, today, alias))
    write_history(batch, home, jobs, rng, today.toordinal())
    batch.members += list(purses)
    batch.balances += [
        (purse.balance, purse.earned, purse.entries, purse.member)
        for purse in purses.values()
    ]


def purses_of(household: Household, alias: str) -> dict[int, Purse]:
    """Return an empty purse for each member of a household."""
    rows = Achievement.objects.using(alias).filter(household=household, active=True)
    achievements = dict(rows.values_list("code", "pk"))
    members = Membership.objects.using(alias).filter(household=household).active()
    return {
        member.pk: Purse(
            household=household.pk,
            member=member.pk,
            role=member.role,
            wanted=badges_of(achievements),
        )
        for member in members.order_by("pk")
    }


def jobs_of(
    household: Household,
    purses: list[Purse],
    rng: Random,
    today: datetime.date,
    alias: str,
) -> Iterator[Job]:
    """Yield a household's chores with the dates of their history."""
    workers = tuple(purse.member for purse in purses if purse.role != Role.GUEST)
    chores = Chore.objects.using(alias).filter(household=household, archived_at=None)
    for chore in chores.exclude(schedule=Schedule.ONCE).order_by("pk"):
        named = ChoreParticipant.objects.using(alias).filter(chore=chore)
        people = tuple(named.order_by("position").values_list("member", flat=True))
        start = max(chore.starts_on, today - DAY * HISTORY)
        yield Job(
            id=chore.pk,
            schedule=chore.schedule,
            points=chore.points,
            assign=chore.assign,
            people=people or workers,
            needs_approval=chore.needs_approval,
            lead_days=chore.lead_days,
            every_days=chore.every_days or 0,
            days=dates_of(chore, household, start, today, rng),
        )


def dates_of(
    chore: Chore,
    household: Household,
    start: datetime.date,
    today: datetime.date,
    rng: Random,
) -> list[int]:
    """Return the dates up to yesterday; the generator makes the ones to come."""
    if chore.schedule == Schedule.AFTER:
        return [start.toordinal()]
    if chore.schedule == Schedule.ANYTIME:
        days = range(start.toordinal(), today.toordinal(), BETWEEN)
        return [day + rng.randrange(BETWEEN) for day in days][:-1]
    found = rules.dates(
        rules.parse(chore.rrule),
        starts_on=chore.starts_on,
        week_starts_on=household.week_starts_on,
        first=start,
        last=today - DAY,
    )
    return [day.toordinal() for day in found]
