"""Whose an open occurrence is, by what its chore and its people are now."""

from __future__ import annotations

from chores.tasks.models import Assign, Chore, Occurrence, Schedule
from chores.tasks.people import People, Turn, next_turn


def set_people(chore: Chore, occurrence: Occurrence, people: People) -> None:
    """Keep whoever is there that day; else pass it on."""
    eligible = people.eligible(occurrence.due_on)
    holder, turn = occurrence.assignee_id, occurrence.turn_of_id
    match Assign(chore.assign):
        case Assign.ANYONE:
            claimed = holder in eligible and holder != turn
            occurrence.assignee_id = holder if claimed else None
            occurrence.turn_of = None
        case Assign.TURNS:
            if holder not in eligible:
                holder = turn if turn in eligible else None
            if holder is None:
                holder = turn = turn_for(chore, occurrence, people)
            occurrence.assignee_id, occurrence.turn_of_id = holder, turn or holder
        case Assign.EVERYONE:
            occurrence.turn_of = None


def is_wanted(chore: Chore, occurrence: Occurrence, people: People) -> bool:
    """Return whether an open row has somebody, and the slot that it would get."""
    eligible = people.eligible(occurrence.due_on)
    if chore.assign == Assign.EVERYONE:
        return occurrence.slot == occurrence.assignee_id in eligible
    if chore.schedule == Schedule.CALENDAR:
        return occurrence.slot == 0 and bool(eligible)
    return True


def turn_for(chore: Chore, occurrence: Occurrence, people: People) -> int | None:
    """Return whose turn an open occurrence is, by the one before it."""
    before = Occurrence.objects.filter(
        chore=chore, turn_of__isnull=False, due_on__lt=occurrence.due_on
    ).order_by("-due_on", "-slot")
    last = before.values_list("due_on", "turn_of").first()
    turn = None if last is None else Turn(day=last[0], member=last[1])
    return next_turn(chore, chore.household, people, turn, occurrence.due_on)
