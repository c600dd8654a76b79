"""Posting to the ledger: the only writer of point entries.

The database's trigger keeps the balance; callers hold no member's lock, or hold
those of all members they post to, taken in the order of their ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import IntegrityError, transaction

from chores.exceptions import ChoresError, NotAllowedError, NotEnoughPointsError
from chores.households.models import Membership
from chores.households.permissions import Actor, Verb, require
from chores.rewards.badges import settle_badges
from chores.rewards.models import Kind, PointEntry

if TYPE_CHECKING:
    from chores.rewards.models import Redemption
    from chores.tasks.models import ChoreCompletion

OVERDRAFT = "entry_no_overdraft"


def lock_members(*members: Membership | None) -> None:
    """Take the row locks of members in the order of their ids."""
    ids = {member.pk for member in members if member is not None}
    rows = Membership.objects.select_for_update(no_key=True).filter(pk__in=ids)
    list(rows.order_by("pk").values_list("pk"))


def post_chore(completion: ChoreCompletion) -> None:
    """Award an approved completion its points, if it has any."""
    if completion.points:
        PointEntry.objects.create(
            household_id=completion.household_id,
            member_id=completion.member_id,
            kind=Kind.CHORE,
            amount=completion.points,
            completion=completion,
        )


def reverse_chore(completion: ChoreCompletion, *, by: Actor) -> None:
    """Take a completion's points back, if it brought any."""
    entry = PointEntry.objects.filter(kind=Kind.CHORE, completion=completion).first()
    if entry is not None:
        reverse(entry, by=by)


def post_redemption(redemption: Redemption) -> None:
    """Hold a redemption's points; raise NotEnoughPointsError if there are fewer."""
    try:
        with transaction.atomic():
            PointEntry.objects.create(
                household_id=redemption.household_id,
                member_id=redemption.member_id,
                kind=Kind.REDEEM,
                amount=-redemption.cost,
                redemption=redemption,
            )
    except IntegrityError as error:
        if OVERDRAFT not in constraint_of(error):
            raise
        raise NotEnoughPointsError(
            f"{redemption.reward} costs {redemption.cost}; "
            f"{redemption.member.name} has fewer."
        ) from error


def constraint_of(error: IntegrityError) -> str:
    """Return the name of the constraint that refused."""
    diagnostics = getattr(error.__cause__, "diag", None)
    return getattr(diagnostics, "constraint_name", None) or ""


def reverse(entry: PointEntry, *, by: Actor, note: str = "") -> PointEntry:
    """Mirror an entry; the original stays as it is."""
    return PointEntry.objects.create(
        household_id=entry.household_id,
        member_id=entry.member_id,
        kind=Kind.REVERSAL,
        amount=-entry.amount,
        reverses=entry,
        note=note,
        created_by=by,
    )


@transaction.atomic
def adjust(
    member: Membership,
    amount: int,
    *,
    actor: Actor,
    note: str,
    nonce: UUID | None = None,
) -> PointEntry:
    """Give a bonus (above zero) or a penalty (below, with a note).

    A retry with the same nonce returns the first entry.
    """
    require(actor, Verb.ADJUST, household_id=member.household_id)
    if amount == 0:
        raise ChoresError("A bonus or a penalty is not zero.")
    if amount < 0 and not note:
        raise ChoresError("A penalty needs a note that says why.")
    lock_members(member)
    if entry := retried(member, nonce):
        return entry
    if amount > 0 and actor == member and not is_alone(member):
        raise NotAllowedError("Nobody gives themselves a bonus.")
    entry = PointEntry.objects.create(
        household_id=member.household_id,
        member=member,
        kind=Kind.BONUS if amount > 0 else Kind.PENALTY,
        amount=amount,
        note=note,
        nonce=nonce,
        created_by=actor,
    )
    settle_badges(member)
    return entry


def retried(member: Membership, nonce: UUID | None) -> PointEntry | None:
    """Return the entry that an earlier try made."""
    if nonce is None:
        return None
    rows = PointEntry.objects.filter(
        household_id=member.household_id, member=member, nonce=nonce
    )
    return rows.first()


def is_alone(member: Membership) -> bool:
    """Return whether nobody else is in the household."""
    others = Membership.objects.filter(household_id=member.household_id).active()
    return not others.exclude(pk=member.pk).exists()


@transaction.atomic
def reverse_adjustment(entry: PointEntry, *, actor: Actor, note: str) -> PointEntry:
    """Take back a bonus or a penalty; other entries follow what caused them."""
    require(actor, Verb.ADJUST, household_id=entry.household_id)
    if entry.kind not in (Kind.BONUS, Kind.PENALTY):
        raise NotAllowedError(
            "Only a bonus or a penalty is reversed; undo, revoke, decline or refund "
            "what caused the other entries."
        )
    if not note:
        raise ChoresError("A reversal needs a note that says why.")
    lock_members(entry.member)
    if entry.reversals.exists():
        raise ChoresError("This entry is reversed already.")
    reversal = reverse(entry, by=actor, note=note)
    settle_badges(entry.member, revoke=True)
    return reversal
