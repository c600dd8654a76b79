from __future__ import annotations

import factory
from django.utils import timezone

from chores.households.factories import HouseholdFactory, MembershipFactory
from chores.tasks.models import (
    Chore,
    ChoreCompletion,
    ChoreParticipant,
    Occurrence,
    Schedule,
    State,
)


class ChoreFactory(factory.django.DjangoModelFactory[Chore]):
    class Meta:
        model = Chore

    household = factory.SubFactory(HouseholdFactory)
    name = factory.Sequence(lambda n: f"Chore {n}")
    schedule = Schedule.CALENDAR
    rrule = factory.LazyAttribute(
        lambda chore: "FREQ=DAILY" if chore.schedule == Schedule.CALENDAR else ""
    )
    every_days = factory.LazyAttribute(
        lambda chore: 3 if chore.schedule == Schedule.AFTER else None
    )
    starts_on = factory.LazyFunction(timezone.localdate)


class ChoreParticipantFactory(factory.django.DjangoModelFactory[ChoreParticipant]):
    class Meta:
        model = ChoreParticipant

    chore = factory.SubFactory(ChoreFactory)
    household = factory.SelfAttribute("chore.household")
    member = factory.SubFactory(
        MembershipFactory, household=factory.SelfAttribute("..household")
    )
    position = factory.Sequence(int)


class OccurrenceFactory(factory.django.DjangoModelFactory[Occurrence]):
    class Meta:
        model = Occurrence

    chore = factory.SubFactory(ChoreFactory)
    household = factory.SelfAttribute("chore.household")
    due_on = factory.LazyFunction(timezone.localdate)
    opens_on = factory.SelfAttribute("due_on")
    due_at = factory.LazyFunction(timezone.now)


class ChoreCompletionFactory(factory.django.DjangoModelFactory[ChoreCompletion]):
    """A pending completion; its occurrence is left as it is."""

    class Meta:
        model = ChoreCompletion

    occurrence = factory.SubFactory(OccurrenceFactory)
    household = factory.SelfAttribute("occurrence.household")
    chore = factory.SelfAttribute("occurrence.chore")
    member = factory.SubFactory(
        MembershipFactory, household=factory.SelfAttribute("..household")
    )
    recorded_by = factory.SelfAttribute("member")
    state = State.PENDING
    done_at = factory.LazyFunction(timezone.now)
    done_on = factory.LazyFunction(timezone.localdate)
    on_time = True
    points = factory.SelfAttribute("chore.points")
