"""What a chore's definition means, worked out before it is saved."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone

from chores.households.days import household_day
from chores.households.models import Membership
from chores.tasks.generator import last_turns
from chores.tasks.models import Chore
from chores.tasks.people import people_of
from chores.tasks.words import coming, in_words

if TYPE_CHECKING:
    from collections.abc import Sequence


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
    named = None if participants is None else {chore.pk: participants}
    people = people_of([chore], named=named)[chore.pk]
    names = names_of({chore.household_id})
    today = household_day(chore.household, timezone.now())
    turns = last_turns([chore], before=today) if chore.pk else {}
    dates = coming(chore, people, today=today, last_turn=turns.get(chore.pk))
    return Preview(
        words=in_words(chore, [names[pk] for pk in people.there]),
        lines=[
            Line(day=c.day, names=", ".join(names[pk] for pk in c.members) or "anyone")
            for c in dates
        ],
    )


def names_of(households: set[int]) -> dict[int, str]:
    """Return the names of members, of those who have left too."""
    members = Membership.objects.filter(household__in=households)
    return {member.pk: str(member) for member in members}


def words_of(chores: list[Chore]) -> dict[int, str]:
    """Return saved chores in words; the queries do not grow with the chores."""
    people = people_of(chores)
    names = names_of({chore.household_id for chore in chores})
    return {
        chore.pk: in_words(chore, [names[pk] for pk in people[chore.pk].there])
        for chore in chores
    }
