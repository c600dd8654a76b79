"""N callers at once, real threads: exactly one effect, no deadlock, all holds."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction

from chores.exceptions import ChoresError
from chores.households.members import change_role, join, leave
from chores.households.models import Membership, Role
from chores.rewards import ledger, shop
from chores.rewards.models import PointEntry, Redemption, Reward
from chores.tasks import assignments, completions, jobs, reviews, skips
from chores.tasks.completions import Attempt
from chores.tasks.generator import generate
from chores.tasks.models import ChoreCompletion, Occurrence
from chores.tasks.sweep import sweep
from chores.tasks.undo import undo
from tests.factories import UserFactory
from tests.integration.chores.invariants import check_all

if TYPE_CHECKING:
    from tests.home import Home

CALLERS = 8
pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*commands: Callable[[], Any]) -> list[Any]:
    """Run commands in threads that start together; return results or refusals."""
    barrier = threading.Barrier(len(commands))

    def call(command: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return command()
        except (ChoresError, ValidationError) as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(commands)) as pool:
        return list(pool.map(call, commands))


def effects(results: list[Any]) -> list[Any]:
    return [result for result in results if not isinstance(result, Exception)]


def test_one_completes(home: Home) -> None:
    occurrence = home.occurrence()
    who = [home.ann, home.bo, home.cy]
    attempts = [
        Attempt(member=who[n % 3], actor=who[n % 3], nonce=uuid.uuid4())
        for n in range(CALLERS)
    ]
    results = at_once(
        *(lambda a=a: completions.complete(occurrence.pk, a) for a in attempts)
    )
    assert len(effects(results)) == 1
    check_all(home.household)


def test_a_retry_gets_the_first_answer(home: Home) -> None:
    occurrence = home.occurrence()
    attempt = Attempt(member=home.bo, actor=home.bo, nonce=uuid.uuid4())
    call = lambda: completions.complete(occurrence.pk, attempt)  # noqa: E731
    results = at_once(*[call] * CALLERS)
    assert len(effects(results)) == CALLERS
    assert len({result.pk for result in results}) == 1
    assert ChoreCompletion.objects.count() == 1
    check_all(home.household)


def test_one_claims(home: Home) -> None:
    occurrence = home.occurrence()
    who = [home.ann, home.bo, home.cy]
    results = at_once(
        *(lambda m=m: assignments.claim(occurrence.pk, m, actor=m) for m in who)
    )
    assert len(effects(results)) == 1


def test_one_decision(home: Home) -> None:
    occurrence = home.occurrence(needs_approval=True)
    attempt = Attempt(member=home.cy, actor=home.cy)
    done = completions.complete(occurrence.pk, attempt)
    results = at_once(
        *[lambda: reviews.approve(done.pk, actor=home.ann)] * 4,
        *[lambda: reviews.reject(done.pk, actor=home.ann)] * 4,
    )
    assert len(effects(results)) == 1
    check_all(home.household)


def test_one_undo(home: Home) -> None:
    attempt = Attempt(member=home.cy, actor=home.cy)
    done = completions.complete(home.occurrence().pk, attempt)
    results = at_once(*[lambda: undo(done.pk, actor=home.ann)] * CALLERS)
    assert len(effects(results)) == 1
    check_all(home.household)


def test_redemptions_never_overdraw(home: Home) -> None:
    ledger.adjust(home.cy, 100, actor=home.ann, note="")
    reward = Reward.objects.create(household=home.household, name="R", cost=30)
    results = at_once(
        *[lambda: shop.redeem(reward.pk, home.cy, actor=home.cy)] * CALLERS
    )
    assert len(effects(results)) == 3
    home.cy.refresh_from_db()
    assert home.cy.balance == 100 - 90 + badge_points(home.cy)
    wish = Redemption.objects.first()
    assert wish is not None
    results = at_once(
        *[lambda: shop.decline(wish.pk, actor=home.ann)] * 4,
        *[lambda: shop.cancel(wish.pk, actor=home.cy)] * 4,
    )
    assert len(effects(results)) == 1
    check_all(home.household)


def badge_points(member: Membership) -> int:
    entries = PointEntry.objects.filter(member=member, kind="badge")
    return sum(entry.amount for entry in entries)


def test_to_leave_with_wishes_waits_before_it_locks_the_member(home: Home) -> None:
    ledger.adjust(home.cy, 100, actor=home.ann, note="")
    values = {"household": home.household, "cost": 5}
    rewards = [Reward.objects.create(name=name, **values) for name in ("A", "B")]
    for reward in rewards:
        shop.redeem(reward.pk, home.cy, actor=home.cy)

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            shop.lock_reward(rewards[1].pk)
            leaving = pool.submit(at_once, lambda: leave(home.cy, actor=home.ann))
            wait_for_a_waiter()
            ledger.lock_members(home.cy)
        (left,) = leaving.result()
    assert left.left_at is not None
    check_all(home.household)


def wait_for_a_waiter() -> None:
    """Return when a session waits for this one; pg_stat_activity would stand still."""
    waiting = (
        "SELECT 1 FROM pg_locks WHERE NOT granted"
        " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    until = time.monotonic() + 10
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(waiting)
            if cursor.fetchone():
                return
            time.sleep(0.01)
    raise AssertionError("nobody waits for this session")


def test_points_in_opposite_orders_do_not_deadlock(home: Home) -> None:
    pairs = [(home.ann, home.cy), (home.cy, home.ann)] * (CALLERS // 2)

    @transaction.atomic
    def both(first: Membership, second: Membership) -> None:
        ledger.lock_members(first, second)
        for member in (first, second):
            PointEntry.objects.create(
                household=home.household, member=member, kind="bonus", amount=1
            )

    results = at_once(*(lambda p=p: both(*p) for p in pairs))
    assert results == [None] * CALLERS
    check_all(home.household)


def test_an_after_chore_has_one_follower(home: Home) -> None:
    chore = home.chore(schedule="after", every_days=2, lead_days=1)
    occurrence = Occurrence.objects.get(chore=chore)
    attempt = Attempt(member=home.ann, actor=home.ann)
    at_once(
        *[lambda: completions.complete(occurrence.pk, attempt)] * 4,
        *[lambda: skips.skip(occurrence.pk, actor=home.ann)] * 4,
    )
    check_all(home.household)
    assert Occurrence.objects.filter(chore=chore).count() == 2


def test_one_of_two_admins_stays(home: Home) -> None:
    change_role(home.bo, Role.ADMIN, actor=home.ann)
    home.bo.refresh_from_db()
    results = at_once(
        lambda: leave(home.ann, actor=home.ann), lambda: leave(home.bo, actor=home.bo)
    )
    assert len(effects(results)) == 1
    check_all(home.household)


def test_generators_at_once_make_each_row_once(home: Home) -> None:
    for number in range(3):
        home.chore(name=f"Daily {number}", schedule="calendar", rrule="FREQ=DAILY")
    made = at_once(*[lambda: generate(horizon_days=40)] * 4)
    assert sum(result.occurrences for result in made) == 3 * 26
    assert generate(horizon_days=40).occurrences == 0
    check_all(home.household)


@pytest.mark.parametrize("times", [3, pytest.param(200, marks=pytest.mark.deep)])
def test_the_generator_beside_completions_that_spawn(home: Home, times: int) -> None:
    chores = [
        home.chore(name=f"After {n}", schedule="after", every_days=1) for n in range(3)
    ]
    home.chore(name="Daily", schedule="calendar", rrule="FREQ=DAILY")
    attempt = Attempt(member=home.ann, actor=home.ann)

    def finish(chore_id: int) -> None:
        row = Occurrence.objects.get(chore=chore_id, status="open")
        completions.complete(row.pk, attempt)
        completion = ChoreCompletion.objects.get(occurrence=row, state="approved")
        undo(completion.pk, actor=home.ann)

    for horizon in range(times):
        results = at_once(
            *(lambda c=c: finish(c.pk) for c in chores),
            lambda h=horizon: generate(horizon_days=15 + h),
            sweep,
            lambda n=horizon: join(home.household, f"New {n}", actor=home.ann),
        )
        assert [r for r in results if isinstance(r, Exception)] == []
    check_all(home.household)


def test_schedules_are_installed_once(transactional_db: None) -> None:
    made = at_once(*[jobs.install] * 4)
    assert sorted(len(names) for names in made) == [0, 0, 0, len(jobs.JOBS)]


def test_a_login_joins_once(home: Home) -> None:
    user = UserFactory()
    results = at_once(
        *(
            lambda n=n: join(home.household, f"Twin {n}", actor=home.ann, user=user)
            for n in range(2)
        ),
    )
    active = Membership.objects.active().filter(user=user)
    assert active.count() == 1
    assert len(effects(results)) == 1
