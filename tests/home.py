from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from chores.households.days import household_day
from chores.households.households import create_household
from chores.households.members import join
from chores.households.models import Household, Membership, Role
from chores.tasks.chores import save_chore
from chores.tasks.models import Chore, Occurrence
from tests.factories import UserFactory


@dataclass
class Home:
    """A household with one of each role, and a way to get chores."""

    household: Household
    ann: Membership
    bo: Membership
    cy: Membership
    guest: Membership

    @property
    def today(self) -> datetime.date:
        return household_day(self.household, timezone.now())

    def chore(self, **fields: Any) -> Chore:
        participants = fields.pop("participants", None)
        values = {
            "name": f"Chore {Chore.objects.count()}",
            "schedule": "once",
            "starts_on": self.today,
            **fields,
        }
        chore = Chore(household=self.household, **values)
        return save_chore(chore, actor=self.ann, participants=participants)

    def occurrence(self, **fields: Any) -> Occurrence:
        return self.chore(**fields).occurrences.get()


@pytest.fixture
def home(db: None) -> Home:
    household = Household(name="Home", timezone="Europe/Dublin")
    ann = create_household(household, admin=UserFactory(), admin_name="Ann")
    return Home(
        household=household,
        ann=ann,
        bo=join(household, "Bo", actor=ann, user=UserFactory()),
        cy=join(household, "Cy", actor=ann, role=Role.CHILD),
        guest=join(household, "Guest", actor=ann, role=Role.GUEST),
    )
