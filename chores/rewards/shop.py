"""Asking for rewards and deciding about it; the only writer of redemptions."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import transaction

from chores.exceptions import (
    AlreadyUndoneError,
    NotAllowedError,
    OutOfStockError,
    WrongStateError,
)
from chores.households.permissions import Actor, Verb, require, require_own
from chores.rewards.ledger import (
    is_alone,
    lock_members,
    post_redemption,
    reverse,
)
from chores.rewards.models import Kind, PointEntry, Redemption, RedemptionState, Reward

if TYPE_CHECKING:
    from chores.households.models import Membership

REFUNDING = (
    RedemptionState.DECLINED,
    RedemptionState.CANCELLED,
    RedemptionState.REFUNDED,
)


def lock_reward(reward_id: int) -> Reward:
    """Lock a reward and return it."""
    return Reward.objects.select_for_update(no_key=True).get(pk=reward_id)


def lock_rewards(household_id: int) -> None:
    """Lock a household's rewards in the order of their ids, before any member."""
    rows = Reward.objects.select_for_update(no_key=True).filter(household=household_id)
    list(rows.order_by("pk").values_list("pk"))


@transaction.atomic
def redeem(
    reward_id: int, member: Membership, *, actor: Actor, nonce: UUID | None = None
) -> Redemption:
    """Ask for a reward: its points are held at once, its stock is counted down.

    A retry with the same nonce returns the first redemption.
    """
    reward = lock_reward(reward_id)
    if redemption := retried(reward, member, nonce):
        return redemption
    require_own(actor, member, Verb.REDEEM, household_id=reward.household_id)
    if member.left_at is not None or reward.archived_at is not None:
        raise WrongStateError(f"{reward} is not to be had any more.")
    take_from_stock(reward)
    granted = RedemptionState.GRANTED
    redemption = Redemption.objects.create(
        household_id=reward.household_id,
        reward=reward,
        member=member,
        cost=reward.cost,
        state=RedemptionState.REQUESTED if reward.needs_approval else granted,
        nonce=nonce,
    )
    post_redemption(redemption)
    return redemption


def retried(
    reward: Reward, member: Membership, nonce: UUID | None
) -> Redemption | None:
    """Return the redemption that an earlier try with this nonce made."""
    if nonce is None:
        return None
    found = Redemption.objects.filter(
        household_id=reward.household_id, reward=reward, member=member, nonce=nonce
    ).first()
    if found is not None and found.state in REFUNDING:
        raise AlreadyUndoneError
    return found


def take_from_stock(reward: Reward) -> None:
    """Count a locked reward's stock down."""
    if reward.stock is None:
        return
    if reward.stock == 0:
        raise OutOfStockError(f"None of {reward} is left.")
    reward.stock -= 1
    reward.save(update_fields=["stock"])


def decide(
    redemption_id: int, to: RedemptionState, *, actor: Actor, after: RedemptionState
) -> Redemption:
    """Move a redemption from one state to another, as an admin."""
    redemption = lock_redemption(redemption_id)
    require(actor, Verb.REFUND, household_id=redemption.household_id)
    if actor == redemption.member and not is_alone(redemption.member):
        raise NotAllowedError("Nobody decides about their own wish.")
    return move(redemption, to, after=after, by=actor)


def lock_redemption(redemption_id: int) -> Redemption:
    """Lock a redemption's reward, then the redemption; return it with its member."""
    found = Redemption.objects.filter(pk=redemption_id)
    lock_reward(found.values_list("reward_id", flat=True).get())
    locked = found.select_for_update(no_key=True, of=("self",))
    return locked.select_related("member", "reward").get()


def move(
    redemption: Redemption,
    to: RedemptionState,
    *,
    after: RedemptionState,
    by: Actor,
) -> Redemption:
    """Write a locked redemption's new state, and give back what it held."""
    if redemption.state != after:
        raise WrongStateError(f"This is {redemption.state} already.")
    redemption.state = to
    redemption.decided_by = by
    redemption.save(update_fields=["state", "decided_by"])
    if to in REFUNDING:
        give_back(redemption, by=by)
    return redemption


def give_back(redemption: Redemption, *, by: Actor) -> None:
    """Return the points and the piece of stock that a redemption held."""
    reward = redemption.reward
    if reward.stock is not None:
        reward.stock += 1
        reward.save(update_fields=["stock"])
    lock_members(redemption.member)
    entry = PointEntry.objects.get(kind=Kind.REDEEM, redemption=redemption)
    reverse(entry, by=by)


@transaction.atomic
def grant(redemption_id: int, *, actor: Actor) -> Redemption:
    """Say yes to a wish."""
    states = RedemptionState
    return decide(redemption_id, states.GRANTED, actor=actor, after=states.REQUESTED)


@transaction.atomic
def decline(redemption_id: int, *, actor: Actor) -> Redemption:
    """Say no to a wish; its points come back."""
    states = RedemptionState
    return decide(redemption_id, states.DECLINED, actor=actor, after=states.REQUESTED)


@transaction.atomic
def deliver(redemption_id: int, *, actor: Actor) -> Redemption:
    """Say that a granted wish was fulfilled."""
    states = RedemptionState
    return decide(redemption_id, states.DELIVERED, actor=actor, after=states.GRANTED)


@transaction.atomic
def refund(redemption_id: int, *, actor: Actor) -> Redemption:
    """Take a granted wish back; its points come back."""
    states = RedemptionState
    return decide(redemption_id, states.REFUNDED, actor=actor, after=states.GRANTED)


@transaction.atomic
def cancel(redemption_id: int, *, actor: Actor) -> Redemption:
    """Withdraw a wish of one's own; its points come back."""
    redemption = lock_redemption(redemption_id)
    require_own(
        actor, redemption.member, Verb.REDEEM, household_id=redemption.household_id
    )
    cancelled, requested = RedemptionState.CANCELLED, RedemptionState.REQUESTED
    return move(redemption, cancelled, after=requested, by=actor)
