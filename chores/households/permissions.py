"""Who may do what; the one table of it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from chores.exceptions import NotAllowedError
from chores.households.models.membership import Role

if TYPE_CHECKING:
    from chores.households.models import Membership

# None is the operator, whose rights the admin site has checked.
Actor: TypeAlias = "Membership | None"


class Verb(StrEnum):
    EDIT = "edit chores, points and rewards"
    ADJUST = "give a bonus or a penalty"
    APPROVE = "approve"
    SKIP = "skip for others"
    REFUND = "decide about rewards"
    COMPLETE = "complete a chore"
    COMPLETE_FOR_OTHER = "complete for another"
    UNDO = "undo"
    CLAIM = "claim a chore"
    REDEEM = "ask for a reward"
    ABSENCE = "enter an absence of their own"
    SWAP = "hand over a turn of their own"


MEMBERS_TOO = frozenset({Role.ADMIN, Role.MEMBER, Role.CHILD})
ALLOWED: dict[Verb, frozenset[Role]] = {
    Verb.EDIT: frozenset({Role.ADMIN}),
    Verb.ADJUST: frozenset({Role.ADMIN}),
    Verb.APPROVE: frozenset({Role.ADMIN}),
    Verb.SKIP: frozenset({Role.ADMIN}),
    Verb.REFUND: frozenset({Role.ADMIN}),
    Verb.COMPLETE: frozenset(Role),
    Verb.COMPLETE_FOR_OTHER: frozenset({Role.ADMIN, Role.MEMBER}),
    Verb.UNDO: MEMBERS_TOO,
    Verb.CLAIM: MEMBERS_TOO,
    Verb.REDEEM: MEMBERS_TOO,
    Verb.ABSENCE: MEMBERS_TOO,
    Verb.SWAP: MEMBERS_TOO,
}


def is_admin(actor: Actor) -> bool:
    """Return whether the actor decides for the household."""
    return actor is None or (actor.role == Role.ADMIN and actor.left_at is None)


def may(actor: Actor, verb: Verb) -> bool:
    """Return whether the actor's role has the verb."""
    if actor is None:
        return True
    return actor.left_at is None and actor.role in ALLOWED[verb]


def require(actor: Actor, verb: Verb, *, household_id: int) -> None:
    """Raise NotAllowedError unless the actor is of the household and may."""
    if actor is not None and actor.household_id != household_id:
        raise NotAllowedError("You are not a member of this household.")
    if not may(actor, verb):
        assert actor is not None
        raise NotAllowedError(f"{actor.name} may not {verb}.")


def require_own(
    actor: Actor, member: Membership, verb: Verb, *, household_id: int
) -> None:
    """Raise NotAllowedError unless it is the actor's own, or the actor an admin."""
    require(actor, verb, household_id=household_id)
    if member.household_id != household_id:
        raise NotAllowedError("This member is of another household.")
    if not is_admin(actor) and actor != member:
        assert actor is not None
        raise NotAllowedError(f"{actor.name} may not {verb} for {member.name}.")
