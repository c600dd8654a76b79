"""What a chore's definition means, worked out before it is saved."""

from __future__ import annotations

import datetime
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from chores.households.days import household_day
from chores.households.models import Membership
from chores.tasks.generator import last_turns
from chores.tasks.models import Chore
from chores.tasks.people import People, absences_of, named_participants
from chores.tasks.words import coming, in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A date to come, and who would be asked."""

    day: datetime.date
    names: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A definition in words, and its next dates."""

    words: str
    lines: Sequence[Line]


def preview(chore: Chore, participants: Sequence[int] | None = None) -> Preview:
    """Return what a chore asks of whom; it need not be saved.

    Participants are members in the order of their turns, or those it has.
    """
    members = Membership.objects.filter(household=chore.household_id).workers()
    names = {member.pk: str(member) for member in members.order_by("pk")}
    if participants is None:
        participants = named_participants([chore])[chore.pk] if chore.pk else ()
    order = order_of(participants, names)
    people = People(
        order=tuple(order),
        active=frozenset(names),
        absences=absences_of({chore.household_id}),
    )
    today = household_day(chore.household, timezone.now())
    turns = last_turns([chore], before=today) if chore.pk else {}
    dates = coming(chore, people, today=today, last_turn=turns.get(chore.pk))
    return Preview(
        words=in_words(chore, [names[pk] for pk in order]),
        lines=[
            Line(day=c.day, names=", ".join(names[pk] for pk in c.members) or "anyone")
            for c in dates
        ],
    )


def order_of(participants: Iterable[int], names: dict[int, str]) -> list[int]:
    """Return the participants who still take part, or everybody."""
    return [pk for pk in participants if pk in names] or list(names)


def words_of(chores: list[Chore]) -> dict[int, str]:
    """Return saved chores in words; the queries do not grow with the chores."""
    households = {chore.household_id for chore in chores}
    members = Membership.objects.filter(household__in=households).workers()
    names: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for member in members.order_by("pk"):
        names[member.household_id][member.pk] = str(member)
    named = named_participants(chores)
    words = {}
    for chore in chores:
        theirs = names[chore.household_id]
        order = order_of(named[chore.pk], theirs)
        words[chore.pk] = in_words(chore, [theirs[pk] for pk in order])
    return words
