"""Who does a chore: participants, absences, turns. No query is made here twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chores.households.days import week_start
from chores.households.models import Absence, Membership
from chores.tasks.models import Chore, ChoreParticipant, TurnEvery

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.backends.postgresql.psycopg_any import DateRange

    from chores.households.models import Household


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Members by id in the order of their turns, with their absences."""

    order: tuple[int, ...]
    active: frozenset[int]
    absences: Mapping[int, tuple[DateRange, ...]]

    @property
    def there(self) -> list[int]:
        """Return who has not left, in the order of their turns."""
        return [member for member in self.order if member in self.active]

    def eligible(self, day: datetime.date) -> list[int]:
        """Return who may be asked on a day, in the order of their turns."""
        return [member for member in self.there if not self.is_absent(member, day)]

    def is_absent(self, member: int, day: datetime.date) -> bool:
        """Return whether the member is away on the day."""
        return any(day in days for days in self.absences.get(member, ()))

    def after(self, previous: int | None, day: datetime.date) -> int | None:
        """Return whose turn follows a member's; None where all are absent."""
        eligible = set(self.eligible(day))
        start = self.order.index(previous) + 1 if previous in self.order else 0
        turns = self.order[start:] + self.order[:start]
        return next((member for member in turns if member in eligible), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The turn that was taken last."""

    day: datetime.date
    member: int | None


def next_turn(
    chore: Chore,
    household: Household,
    people: People,
    last: Turn | None,
    day: datetime.date,
) -> int | None:
    """Return whose turn it is on a day, given the one before."""
    if last is None:
        return people.after(None, day)
    same_week = week_start(household, last.day) == week_start(household, day)
    keeps = chore.turn_every == TurnEvery.WEEK and same_week
    if keeps and last.member in people.eligible(day):
        return last.member
    return people.after(last.member, day)


def people_of(
    chores: Iterable[Chore], *, named: Mapping[int, Sequence[int]] | None = None
) -> dict[int, People]:
    """Return the people of each chore, by the chore's id, in three queries.

    Those whom a chore names, guests too, even when all of them have left; everybody
    but guests where it names nobody. named stands for what the database has.
    """
    chores = list(chores)
    named = named_participants(chores) if named is None else named
    households = {chore.household_id for chore in chores}
    members = household_members(households, alias=alias_of(chores))
    away = absences_of(households, alias=alias_of(chores))
    return {
        chore.pk: People(
            order=tuple(
                named.get(chore.pk) or members.workers.get(chore.household_id) or ()
            ),
            active=members.active,
            absences=away,
        )
        for chore in chores
    }


def alias_of(chores: Sequence[Chore]) -> str | None:
    """Return the alias that chores were read from; None where they are new."""
    return chores[0]._state.db if chores else None


def named_participants(chores: list[Chore]) -> dict[int, list[int]]:
    """Return the members that each chore names, in the order of their turns."""
    named: defaultdict[int, list[int]] = defaultdict(list)
    participants = ChoreParticipant.objects.using(alias_of(chores))
    rows = participants.filter(chore__in=chores).order_by("position")
    for chore, member in rows.values_list("chore_id", "member_id"):
        named[chore].append(member)
    return named


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """Those who are there, and by household those who do chores that name nobody."""

    active: frozenset[int]
    workers: Mapping[int, list[int]]


def household_members(households: set[int], *, alias: str | None) -> Members:
    """Return the active members of some households, in one query."""
    workers: defaultdict[int, list[int]] = defaultdict(list)
    rows = Membership.objects.using(alias).filter(household__in=households).active()
    present = list(rows.order_by("pk").only("pk", "household_id", "role"))
    for member in present:
        if member.role != "guest":
            workers[member.household_id].append(member.pk)
    return Members(active=frozenset(member.pk for member in present), workers=workers)


def absences_of(
    households: set[int], *, alias: str | None
) -> dict[int, tuple[DateRange, ...]]:
    """Return the absences in some households by member, in one query."""
    away: defaultdict[int, tuple[DateRange, ...]] = defaultdict(tuple)
    rows = Absence.objects.using(alias).filter(household__in=households)
    for member, days in rows.values_list("member_id", "days"):
        away[member] += (days,)
    return away
