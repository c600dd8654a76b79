"""The table of who may do what, each cell tried."""

from __future__ import annotations

import contextlib
import datetime
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.db import transaction

from chores.exceptions import NotAllowedError
from chores.households.absences import add_absence
from chores.households.members import change_role, remove_login
from chores.households.models import Membership, Role
from chores.rewards import ledger, shop
from chores.rewards.models import Reward
from chores.tasks import assignments, completions, reviews, skips
from chores.tasks.chores import save_chore
from chores.tasks.completions import Attempt
from chores.tasks.undo import undo
from tests.factories import AdminFactory

if TYPE_CHECKING:
    from tests.home import Home

ROLES = ("ann", "bo", "cy", "guest")


def edit_chores(home: Home, actor: Membership) -> object:
    return save_chore(home.chore(), actor=actor)


def adjust(home: Home, actor: Membership) -> object:
    return ledger.adjust(home.cy, 5, actor=actor, note="well done")


def penalise(home: Home, actor: Membership) -> object:
    return ledger.adjust(home.cy, -5, actor=actor, note="no")


def approve(home: Home, actor: Membership) -> object:
    occurrence = home.occurrence(needs_approval=True)
    doer = home.bo if actor != home.bo else home.cy
    done = completions.complete(occurrence.pk, Attempt(member=doer, actor=doer))
    return reviews.approve(done.pk, actor=actor)


def skip(home: Home, actor: Membership) -> object:
    return skips.skip(home.occurrence().pk, actor=actor)


def refund(home: Home, actor: Membership) -> object:
    ledger.adjust(home.cy, 50, actor=None, note="")
    reward = Reward.objects.create(
        household=home.household, name="Now", cost=5, needs_approval=False
    )
    wish = shop.redeem(reward.pk, home.cy, actor=home.cy)
    return shop.refund(wish.pk, actor=actor)


def complete_own(home: Home, actor: Membership) -> object:
    attempt = Attempt(member=actor, actor=actor)
    return completions.complete(home.occurrence().pk, attempt)


def complete_for_another(home: Home, actor: Membership) -> object:
    other = home.cy if actor != home.cy else home.bo
    attempt = Attempt(member=other, actor=actor)
    return completions.complete(home.occurrence().pk, attempt)


def complete_for_another_what_needs_approval(home: Home, actor: Membership) -> object:
    other = home.cy if actor != home.cy else home.bo
    occurrence = home.occurrence(needs_approval=True)
    return completions.complete(occurrence.pk, Attempt(member=other, actor=actor))


def undo_own(home: Home, actor: Membership) -> object:
    attempt = Attempt(member=actor, actor=None)
    done = completions.complete(home.occurrence().pk, attempt)
    return undo(done.pk, actor=actor)


def undo_of_another(home: Home, actor: Membership) -> object:
    other = home.cy if actor != home.cy else home.bo
    attempt = Attempt(member=other, actor=None)
    done = completions.complete(home.occurrence().pk, attempt)
    return undo(done.pk, actor=actor)


def claim(home: Home, actor: Membership) -> object:
    return assignments.claim(home.occurrence().pk, actor, actor=actor)


def redeem(home: Home, actor: Membership) -> object:
    ledger.adjust(actor, 500, actor=None, note="")
    reward = Reward.objects.filter(household=home.household).first()
    assert reward is not None
    return shop.redeem(reward.pk, actor, actor=actor)


def own_absence(home: Home, actor: Membership) -> object:
    day = datetime.date(2030, 1, 1)
    return add_absence(actor, day, day, actor=actor)


def absence_of_another(home: Home, actor: Membership) -> object:
    day = datetime.date(2030, 1, 1)
    other = home.cy if actor != home.cy else home.bo
    return add_absence(other, day, day, actor=actor)


def swap_own_turn(home: Home, actor: Membership) -> object:
    other = home.cy if actor != home.cy else home.bo
    occurrence = home.occurrence(assign="turns", participants=[actor, other])
    return assignments.swap(occurrence.pk, other, actor=actor)


TABLE: dict[Callable[[Home, Membership], object], set[str]] = {
    edit_chores: {"ann"},
    adjust: {"ann"},
    penalise: {"ann"},
    approve: {"ann"},
    skip: {"ann"},
    refund: {"ann"},
    complete_own: {"ann", "bo", "cy", "guest"},
    complete_for_another: {"ann", "bo"},
    complete_for_another_what_needs_approval: {"ann"},
    undo_own: {"ann", "bo", "cy"},
    undo_of_another: {"ann"},
    claim: {"ann", "bo", "cy"},
    redeem: {"ann", "bo", "cy"},
    own_absence: {"ann", "bo", "cy"},
    absence_of_another: {"ann"},
    swap_own_turn: {"ann", "bo", "cy"},
}


@pytest.mark.parametrize("verb", TABLE, ids=lambda verb: verb.__name__)
def test_only_those_who_may_can(
    home: Home, verb: Callable[[Home, Membership], object]
) -> None:
    allowed = set()
    for role in ROLES:
        with transaction.atomic():
            with contextlib.suppress(NotAllowedError):
                verb(home, Membership.objects.get(pk=getattr(home, role).pk))
                allowed.add(role)
            transaction.set_rollback(True)
    assert allowed == TABLE[verb]


@pytest.mark.parametrize("verb", [adjust, approve, skip, complete_own, claim, redeem])
def test_an_admin_of_another_household_may_nothing(
    home: Home, verb: Callable[[Home, Membership], object]
) -> None:
    actor = AdminFactory()
    with pytest.raises(NotAllowedError):
        verb(home, actor)


def test_nobody_gives_themselves_a_bonus(home: Home) -> None:
    with pytest.raises(NotAllowedError, match="themselves"):
        ledger.adjust(home.ann, 5, actor=home.ann, note="me")


def test_whoever_is_alone_may(db: None) -> None:
    admin = AdminFactory()
    assert ledger.adjust(admin, 5, actor=admin, note="to me").amount == 5


def test_a_login_is_taken_from_a_member_by_an_admin_but_never_from_one(
    home: Home,
) -> None:
    with pytest.raises(NotAllowedError, match="An admin needs a login"):
        remove_login(home.ann, actor=home.ann)
    with pytest.raises(NotAllowedError):
        remove_login(home.cy, actor=home.bo)
    user = home.bo.user
    assert remove_login(home.bo, actor=home.ann).user is None
    assert user is not None
    assert not user.memberships.exists()
    with pytest.raises(NotAllowedError, match="An admin needs a login"):
        change_role(home.bo, Role.ADMIN, actor=home.ann)


def test_nobody_reviews_their_own_work(home: Home) -> None:
    occurrence = home.occurrence(needs_approval=True)
    home.bo.role = "admin"
    home.bo.save()
    attempt = Attempt(member=home.cy, actor=home.cy)
    done = completions.complete(occurrence.pk, attempt)
    done.member = home.bo
    done.recorded_by = home.bo
    done.save()
    with pytest.raises(NotAllowedError, match="own work"):
        reviews.approve(done.pk, actor=home.bo)


def test_the_doer_undoes_for_a_day_and_an_admin_for_ever(home: Home) -> None:
    then = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=25)
    start = home.today - datetime.timedelta(days=3)
    occurrence = home.occurrence(starts_on=start)
    attempt = Attempt(member=home.bo, actor=home.bo)
    done = completions.complete(occurrence.pk, attempt, now=then)
    with pytest.raises(Exception, match="too long ago"):
        undo(done.pk, actor=home.bo)
    assert undo(done.pk, actor=home.ann).state == "undone"
