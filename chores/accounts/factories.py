from __future__ import annotations

import datetime
import hashlib

import factory
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from chores.accounts.models import User, VerificationToken
from chores.accounts.models.token import Purpose


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User

    username = factory.Sequence(lambda n: f"user{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@example.com")
    password = factory.LazyFunction(lambda: make_password(None))


class VerificationTokenFactory(factory.django.DjangoModelFactory[VerificationToken]):
    class Meta:
        model = VerificationToken

    household = factory.SubFactory("chores.households.factories.HouseholdFactory")
    purpose = Purpose.INVITE
    role = "member"
    digest = factory.Sequence(lambda n: hashlib.sha256(str(n).encode()).digest())
    expires_at = factory.LazyFunction(
        lambda: timezone.now() + datetime.timedelta(days=7)
    )
