"""allauth's tables under the names that this project uses."""

from __future__ import annotations

from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession


class Account(SocialAccount):
    """A link to an external identity provider."""

    class Meta:
        proxy = True


class Session(UserSession):
    """A device on which a user is signed in."""

    class Meta:
        proxy = True
