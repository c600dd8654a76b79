"""Secrets with one purpose: invitations, shared devices, calendar feeds.

Whoever holds the secret may use it; the database knows only its digest.
"""

from __future__ import annotations

import datetime
import hashlib
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from chores.accounts.models import User, VerificationToken
from chores.accounts.models.token import Purpose
from chores.exceptions import NotAllowedError
from chores.households.members import join, lock_member, settle
from chores.households.models import Household, Membership, Role
from chores.households.permissions import Actor, Verb, require, require_own

if TYPE_CHECKING:
    from typing import Any

INVITE_LASTS = datetime.timedelta(days=7)
DEVICE_LASTS = datetime.timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A new token and its secret, which is shown once."""

    token: VerificationToken
    secret: str


def digest_of(secret: str) -> bytes:
    """Return what is stored of a secret."""
    return hashlib.sha256(secret.encode()).digest()


def issue(household_id: int, purpose: Purpose, **fields: Any) -> Issued:
    """Make a token; the secret is nowhere else."""
    secret = secrets.token_urlsafe(32)
    token = VerificationToken(
        household_id=household_id, purpose=purpose, digest=digest_of(secret), **fields
    )
    token.full_clean()
    token.save()
    return Issued(token=token, secret=secret)


def invite(
    household: Household,
    *,
    actor: Actor,
    role: Role,
    email: str = "",
    member: Membership | None = None,
) -> Issued:
    """Invite somebody; with a member, give that profile a login."""
    require(actor, Verb.EDIT, household_id=household.pk)
    return issue(
        household.pk,
        Purpose.INVITE,
        identifier=email,
        role=role,
        member=member,
        created_by=actor,
        expires_at=timezone.now() + INVITE_LASTS,
    )


def pair_device(household: Household, *, actor: Actor) -> Issued:
    """Let a shared device act for the household."""
    require(actor, Verb.EDIT, household_id=household.pk)
    return issue(
        household.pk,
        Purpose.DEVICE,
        created_by=actor,
        uses_left=None,
        expires_at=timezone.now() + DEVICE_LASTS,
    )


def open_calendar(member: Membership, *, actor: Actor) -> Issued:
    """Make a feed of a member's chores; it lives until it is revoked."""
    require_own(actor, member, Verb.ABSENCE, household_id=member.household_id)
    return issue(
        member.household_id,
        Purpose.CALENDAR,
        member=member,
        created_by=actor,
        uses_left=None,
    )


def find(secret: str, purpose: Purpose) -> VerificationToken:
    """Return the token of a secret; raise NotAllowedError if it is of no use."""
    usable = Q(uses_left__isnull=True) | Q(uses_left__gt=0)
    current = Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now())
    tokens = VerificationToken.objects.filter(
        usable, current, purpose=purpose, digest=digest_of(secret)
    )
    token = tokens.select_related("household", "member").first()
    if token is None:
        raise NotAllowedError("This link is not valid any more; ask for a new one.")
    return token


@transaction.atomic
def accept_invite(secret: str, user: User, *, name: str) -> Membership:
    """Join by an invitation, once; its use is counted before anything else."""
    token = find(secret, Purpose.INVITE)
    used = VerificationToken.objects.filter(pk=token.pk, uses_left__gt=0)
    if not used.update(uses_left=F("uses_left") - 1):
        raise NotAllowedError("This invitation was used already.")
    role = Role(token.role)
    if token.member is None:
        return join(token.household, name, actor=None, role=role, user=user)
    return give_login(token.member, user, role)


def give_login(member: Membership, user: User, role: Role) -> Membership:
    """Let a login act as a profile that has none; the new role moves chores."""
    _, member = lock_member(member)
    if member.left_at is not None:
        raise NotAllowedError(f"{member.name} has left; ask for a new invitation.")
    if member.user_id is not None:
        raise NotAllowedError(f"{member.name} has a login already.")
    member.user, member.role = user, role
    member.full_clean()
    member.save(update_fields=["user", "role"])
    settle(member)
    return member


def revoke(token: VerificationToken, *, actor: Actor) -> None:
    """Make a token useless, at once."""
    if token.member is not None and token.purpose == Purpose.CALENDAR:
        household_id = token.household_id
        require_own(actor, token.member, Verb.ABSENCE, household_id=household_id)
    else:
        require(actor, Verb.EDIT, household_id=token.household_id)
    token.expires_at = timezone.now()
    token.save(update_fields=["expires_at"])
