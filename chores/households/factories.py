from __future__ import annotations

import datetime

import factory
from django.db.backends.postgresql.psycopg_any import DateRange
from django.utils import timezone

from chores.accounts.factories import UserFactory
from chores.households.models import (
    Absence,
    Household,
    Membership,
    Notice,
    Role,
    SystemSetting,
)
from chores.households.models.notice import NoticeKind


class HouseholdFactory(factory.django.DjangoModelFactory[Household]):
    class Meta:
        model = Household

    name = factory.Sequence(lambda n: f"Household {n}")
    timezone = "Europe/Dublin"


class MembershipFactory(factory.django.DjangoModelFactory[Membership]):
    """A member with a login; AdminFactory and ChildFactory differ in role."""

    class Meta:
        model = Membership

    household = factory.SubFactory(HouseholdFactory)
    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Member {n}")
    role = Role.MEMBER


class AdminFactory(MembershipFactory):
    role = Role.ADMIN


class ChildFactory(MembershipFactory):
    user: None = None  # type: ignore[assignment]
    role = Role.CHILD


class AbsenceFactory(factory.django.DjangoModelFactory[Absence]):
    class Meta:
        model = Absence

    member = factory.SubFactory(MembershipFactory)
    household = factory.SelfAttribute("member.household")
    days = factory.LazyFunction(
        lambda: DateRange(
            timezone.localdate(), timezone.localdate() + datetime.timedelta(days=7)
        )
    )


class NoticeFactory(factory.django.DjangoModelFactory[Notice]):
    class Meta:
        model = Notice

    member = factory.SubFactory(MembershipFactory)
    household = factory.SelfAttribute("member.household")
    kind = NoticeKind.DIGEST
    day = factory.LazyFunction(timezone.localdate)


class SystemSettingFactory(factory.django.DjangoModelFactory[SystemSetting]):
    class Meta:
        model = SystemSetting

    key = "horizon_days"
    value = 14
