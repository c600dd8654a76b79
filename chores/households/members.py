"""Joining, leaving, coming back, roles and logins; each locks the household."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from chores.exceptions import NotAllowedError, WrongStateError
from chores.households.days import household_day
from chores.households.models import Household, Membership, Role
from chores.households.permissions import Actor, Verb, is_admin, require
from chores.rewards.models import Redemption, RedemptionState
from chores.rewards.shop import lock_redemption, lock_rewards, move
from chores.tasks.closing import lock_chores
from chores.tasks.models import Chore, ChoreCompletion, State
from chores.tasks.replanning import replan_household
from chores.tasks.reviews import withdraw

if TYPE_CHECKING:
    from chores.accounts.models import User


def lock_household(household_id: int) -> Household:
    """Lock a household, then its chores; return it."""
    households = Household.objects.select_for_update(no_key=True)
    household = households.get(pk=household_id)
    chores = Chore.objects.filter(household=household)
    lock_chores(chores.values_list("pk", flat=True))
    return household


def lock_member(member: Membership) -> tuple[Household, Membership]:
    """Lock a member's household; return it and the member as they are now."""
    household = lock_household(member.household_id)
    return household, Membership.objects.get(pk=member.pk)


@transaction.atomic
def join(
    household: Household,
    name: str,
    *,
    actor: Actor,
    role: Role = Role.MEMBER,
    user: User | None = None,
    now: datetime.datetime | None = None,
) -> Membership:
    """Add somebody to a household, or take them back with their points.

    Whoever signs in with the login of somebody who left is that person.
    """
    now = now or timezone.now()
    household = lock_household(household.pk)
    require(actor, Verb.EDIT, household_id=household.pk)
    former = None
    if user is not None:
        gone = Membership.objects.filter(household=household, user=user)
        former = gone.filter(left_at__isnull=False).order_by("-left_at").first()
    member = former or Membership(household=household, user=user)
    member.name, member.role, member.left_at = name, role, None
    if former is None:
        member.joined_on = household_day(household, now)
    member.full_clean()
    member.save()
    replan_household(household.pk, now=now)
    member.refresh_from_db()
    return member


@transaction.atomic
def rejoin(
    member: Membership, *, actor: Actor, now: datetime.datetime | None = None
) -> Membership:
    """Take back somebody who left, with their points and badges."""
    household, member = lock_member(member)
    require(actor, Verb.EDIT, household_id=household.pk)
    if member.left_at is None:
        raise WrongStateError(f"{member.name} is there already.")
    member.left_at = None
    member.full_clean()
    member.save(update_fields=["left_at"])
    replan_household(household.pk, now=now)
    return member


@transaction.atomic
def leave(
    member: Membership, *, actor: Actor, now: datetime.datetime | None = None
) -> Membership:
    """End a membership: what waits is withdrawn, what was done stays.

    1. Pending completions are rejected, requested rewards cancelled.
    2. Nothing is assigned to the member any more.
    """
    now = now or timezone.now()
    household, member = lock_member(member)
    if actor is not None and actor.household_id != household.pk:
        raise NotAllowedError("You are not a member of this household.")
    if not is_admin(actor) and actor != member:
        raise NotAllowedError("Only an admin asks others to leave.")
    if member.left_at is not None:
        raise WrongStateError(f"{member.name} has left already.")
    require_another_admin(member)
    withdraw_all(member, actor, now)
    member.left_at = now
    member.save(update_fields=["left_at"])
    replan_household(household.pk, now=now)
    return member


@transaction.atomic
def settle(member: Membership, *, now: datetime.datetime | None = None) -> None:
    """Bring chores in line with a member that a form has written."""
    lock_household(member.household_id)
    replan_household(member.household_id, now=now)


def withdraw_all(member: Membership, actor: Actor, now: datetime.datetime) -> None:
    """Reject what waits for approval and cancel what was asked for.

    The first wish that is cancelled locks the member, so every reward is locked before.
    """
    lock_rewards(member.household_id)
    pending = ChoreCompletion.objects.filter(member=member, state=State.PENDING)
    for completion_id in pending.order_by("pk").values_list("pk", flat=True):
        withdraw(completion_id, now=now)
    wishes = Redemption.objects.filter(member=member, state=RedemptionState.REQUESTED)
    for wish in wishes.order_by("reward_id", "pk").values_list("pk", flat=True):
        move(
            lock_redemption(wish),
            RedemptionState.CANCELLED,
            after=RedemptionState.REQUESTED,
            by=actor,
        )


def require_another_admin(member: Membership) -> None:
    """Raise unless an admin with a login remains without this member."""
    others = Membership.objects.filter(
        household_id=member.household_id, role=Role.ADMIN, user__isnull=False
    ).active()
    if member.role == Role.ADMIN and not others.exclude(pk=member.pk).exists():
        raise WrongStateError(
            f"{member.name} is the last admin; make somebody else one first, "
            "or archive the household."
        )


@transaction.atomic
def change_role(
    member: Membership,
    role: Role,
    *,
    actor: Actor,
    now: datetime.datetime | None = None,
) -> Membership:
    """Give a member another role; a household keeps an admin."""
    household, member = lock_member(member)
    require(actor, Verb.EDIT, household_id=household.pk)
    if role == Role.ADMIN and member.user_id is None:
        raise NotAllowedError("An admin needs a login.")
    if role != Role.ADMIN:
        require_another_admin(member)
    member.role = role
    member.save(update_fields=["role"])
    replan_household(household.pk, now=now)
    return member


@transaction.atomic
def remove_login(member: Membership, *, actor: Actor) -> Membership:
    """Leave the profile without a login; an admin needs one."""
    household, member = lock_member(member)
    require(actor, Verb.EDIT, household_id=household.pk)
    if member.role == Role.ADMIN and member.left_at is None:
        raise NotAllowedError("An admin needs a login; change the role first.")
    member.user = None
    member.save(update_fields=["user"])
    return member
