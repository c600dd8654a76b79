"""Every command of the domain in any order; after each, every invariant."""

from __future__ import annotations

import datetime
import itertools
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from chores.exceptions import ChoresError
from chores.households import absences, members
from chores.households.days import household_day
from chores.households.households import create_household, save_household
from chores.households.models import (
    Absence,
    Household,
    Membership,
    Role,
    SystemSetting,
)
from chores.rewards import ledger, shop
from chores.rewards.models import PointEntry, Redemption, Reward
from chores.rewards.streaks import streaks
from chores.tasks import assignments, completions, reviews, skips
from chores.tasks.chores import archive_chore, save_chore, set_paused
from chores.tasks.completions import Attempt
from chores.tasks.generator import generate
from chores.tasks.models import Chore, ChoreCompletion, Occurrence
from chores.tasks.sweep import sweep
from chores.tasks.undo import undo
from tests.factories import UserFactory
from tests.integration.chores.invariants import Days, check_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet

START = datetime.datetime(2026, 3, 27, 9, 30, tzinfo=datetime.UTC)
HOURS = (0, 4)
HORIZON = 5
STOCK = 2
REFUSED = (ChoresError, ValidationError)
STAYS = {"turns", "after"}
pick = st.integers(min_value=0, max_value=1000)
FINGERPRINTS = """
SELECT coalesce(md5(string_agg(e::text, '|' ORDER BY e.id)
                    FILTER (WHERE e.id <= %(last)s)), ''),
       coalesce(max(e.id), 0),
       coalesce(md5(string_agg(e::text, '|' ORDER BY e.id)), '')
  FROM rewards_pointentry AS e WHERE e.household_id = %(home)s
"""
DAILY: dict[str, Any] = {"schedule": "calendar", "rrule": "FREQ=DAILY"}
AFTER: dict[str, Any] = {"schedule": "after", "lead_days": 1}
CHORES: list[dict[str, Any]] = [
    {**DAILY, "name": "turns", "assign": "turns"},
    {
        **DAILY,
        "name": "each",
        "assign": "everyone",
        "due_time": datetime.time(18),
        "needs_approval": True,
    },
    {
        "schedule": "calendar",
        "rrule": "FREQ=WEEKLY;BYDAY=MO,WE,SA",
        "name": "weekly turns",
        "assign": "turns",
        "turn_every": "week",
        "lead_days": 2,
        "grace_days": 1,
    },
    {**AFTER, "name": "after", "every_days": 2},
    {
        **AFTER,
        "name": "after turns",
        "every_days": 3,
        "assign": "turns",
        "needs_approval": True,
    },
    {"schedule": "once", "name": "once", "needs_approval": True},
    {"schedule": "anytime", "name": "anytime", "max_per_day": 2},
]


def make_home(hour: int) -> None:
    """Make a household that examples begin with; its day starts at an hour."""
    household = Household(
        name=f"Day from {hour}", timezone="Europe/Dublin", day_starts_hour=hour
    )
    ann = create_household(household, admin=UserFactory(), admin_name="Ann")
    for name, role in [("Bo", Role.ADMIN), ("Cy", Role.CHILD), ("Dee", Role.GUEST)]:
        user = UserFactory() if role == Role.ADMIN else None
        members.join(household, name, actor=ann, role=role, user=user, now=START)
    for member in Membership.objects.filter(household=household):
        ledger.adjust(member, 30, actor=None, note="to begin with")
    Reward.objects.filter(household=household).update(stock=STOCK, cost=11)
    for fields in CHORES:
        start = household_day(household, START)
        chore = Chore(household=household, starts_on=start, points=7, **fields)
        save_chore(chore, actor=ann, now=START)


class Domain(RuleBasedStateMachine):
    """One household, its people and chores, and a clock of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.outer = transaction.atomic()
        self.outer.__enter__()
        self.now = START

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.outer.__exit__(None, None, None)

    @initialize(hour=st.sampled_from(HOURS))
    def begin(self, hour: int) -> None:
        self.household = Household.objects.get(day_starts_hour=hour)
        self.ann = Membership.objects.get(household=self.household, name="Ann")
        self.prefix = (0, "")
        self.known: set[Days] = set()

    def attempt(self, command: Callable[[], object]) -> None:
        """Run a command; a refusal leaves everything as it was."""
        try:
            command()
        except REFUSED:
            event("refused")
        else:
            event("done")

    def one(self, rows: QuerySet[Any], number: int) -> Any:
        """Return one of the household's rows, or None where there is none."""
        rows = rows.filter(household=self.household).order_by("pk")
        count = rows.count()
        return rows[number % count] if count else None

    def someone(self, number: int) -> Membership:
        found: Membership = self.one(Membership.objects.active(), number)
        return found

    @rule(hours=st.integers(min_value=1, max_value=60))
    def wait(self, hours: int) -> None:
        self.now += datetime.timedelta(hours=hours)
        generate(now=self.now)
        assert generate(now=self.now).occurrences == 0  # O2

    @rule()
    def expire(self) -> None:
        sweep(now=self.now)
        assert sweep(now=self.now) == 0

    @rule(n=pick, who=pick, by=pick)
    def complete(self, n: int, who: int, by: int) -> None:
        today = household_day(self.household, self.now)
        rows = Occurrence.objects.filter(status="open", opens_on__lte=today)
        if occurrence := self.one(rows, n):
            attempt = Attempt(
                member=self.someone(who),
                actor=self.someone(by) if by % 3 else self.someone(who),
                nonce=uuid.uuid4(),
            )
            self.attempt(lambda: self.twice(occurrence.pk, attempt))

    def twice(self, occurrence_id: int, attempt: Attempt) -> None:
        """C6: a retry is the same completion, and changes nothing."""
        done = completions.complete(occurrence_id, attempt, now=self.now)
        entries = PointEntry.objects.count()
        again = completions.complete(occurrence_id, attempt, now=self.now)
        assert again == done
        assert PointEntry.objects.count() == entries

    @rule(n=pick)
    def do_and_undo(self, n: int) -> None:
        """C5: nothing of it is left but the record."""
        today = household_day(self.household, self.now)
        rows = Occurrence.objects.filter(
            status="open", opens_on__lte=today, chore__name__in=STAYS
        )
        occurrence = self.one(rows, n)
        if occurrence is None:
            return
        member = self.ann
        before = self.figures(member)
        attempt = Attempt(member=member, actor=None)
        done = completions.complete(occurrence.pk, attempt, now=self.now)
        undo(done.pk, actor=None, now=self.now)
        assert self.figures(member) == before
        assert Occurrence.objects.get(pk=occurrence.pk).status == "open"

    def figures(self, member: Membership) -> tuple[int, int, object]:
        member.refresh_from_db()
        return member.balance, member.earned, streaks(member)

    @rule(n=pick, yes=st.booleans())
    def submit_and_review(self, n: int, yes: bool) -> None:
        """What a child says is done waits for an admin, who decides at once."""
        today = household_day(self.household, self.now)
        rows = Occurrence.objects.filter(
            status="open", opens_on__lte=today, chore__needs_approval=True
        )
        child = Membership.objects.get(household=self.household, name="Cy")
        if occurrence := self.one(rows, n):
            decide = reviews.approve if yes else reviews.reject

            def both() -> None:
                attempt = Attempt(member=child, actor=child)
                done = completions.complete(occurrence.pk, attempt, now=self.now)
                decide(done.pk, actor=self.ann, now=self.now)

            self.attempt(both)

    @rule(n=pick)
    def log_anytime(self, n: int) -> None:
        chore = Chore.objects.get(household=self.household, name="anytime")
        who = self.someone(n)
        attempt = Attempt(member=who, actor=who, nonce=uuid.uuid4())
        self.attempt(lambda: completions.log_anytime(chore.pk, attempt, now=self.now))

    @rule(n=pick, by=pick, yes=st.booleans())
    def review(self, n: int, by: int, yes: bool) -> None:
        rows = ChoreCompletion.objects.filter(state="pending")
        if completion := self.one(rows, n):
            decide = reviews.approve if yes else reviews.reject
            actor = self.someone(by)
            self.attempt(lambda: decide(completion.pk, actor=actor, now=self.now))

    @rule(n=pick, by=pick)
    def take_back(self, n: int, by: int) -> None:
        if completion := self.one(ChoreCompletion.objects.all(), n):
            actor = self.someone(by)
            self.attempt(lambda: undo(completion.pk, actor=actor, now=self.now))

    @rule(n=pick, back=st.booleans())
    def skip(self, n: int, back: bool) -> None:
        state, command = ("skipped", skips.unskip) if back else ("open", skips.skip)
        if occurrence := self.one(Occurrence.objects.filter(status=state), n):
            self.attempt(lambda: command(occurrence.pk, actor=self.ann, now=self.now))

    @rule(n=pick, who=pick)
    def credit(self, n: int, who: int) -> None:
        if missed := self.one(Occurrence.objects.filter(status="missed"), n):
            self.attempt(
                lambda: completions.credit(
                    missed.pk, self.someone(who), actor=self.ann, now=self.now
                )
            )

    @rule(n=pick, who=pick, what=st.sampled_from(["claim", "release", "swap"]))
    def assign(self, n: int, who: int, what: str) -> None:
        occurrence = self.one(Occurrence.objects.filter(status="open"), n)
        if occurrence is None:
            return
        member = self.someone(who)
        commands: dict[str, Callable[[], object]] = {
            "claim": lambda: assignments.claim(occurrence.pk, member, actor=member),
            "release": lambda: assignments.release(occurrence.pk, actor=member),
            "swap": lambda: assignments.swap(occurrence.pk, member, actor=self.ann),
        }
        self.attempt(commands[what])

    @rule(
        n=pick,
        who=pick,
        answer=st.sampled_from([None, shop.grant, shop.decline, shop.cancel]),
    )
    def redeem(self, n: int, who: int, answer: Callable[..., object] | None) -> None:
        """A wish, and perhaps what becomes of it at once."""
        reward = self.one(Reward.objects.all(), n)
        member = self.someone(who)

        def wish() -> None:
            redemption = shop.redeem(reward.pk, member, actor=member)
            if answer is not None:
                answer(redemption.pk, actor=None)

        self.attempt(wish)

    @rule(
        n=pick,
        what=st.sampled_from(
            [shop.grant, shop.decline, shop.deliver, shop.refund, shop.cancel]
        ),
    )
    def decide(self, n: int, what: Callable[..., object]) -> None:
        if wish := self.one(Redemption.objects.all(), n):
            self.attempt(lambda: what(wish.pk, actor=None))

    @rule(who=pick, amount=st.integers(min_value=-20, max_value=20))
    def adjust(self, who: int, amount: int) -> None:
        member = self.someone(who)
        nonce = uuid.uuid4()
        for _ in range(2):
            self.attempt(
                lambda: ledger.adjust(
                    member, amount, actor=self.ann, note="said so", nonce=nonce
                )
            )

    @rule(n=pick)
    def reverse(self, n: int) -> None:
        if entry := self.one(PointEntry.objects.all(), n):
            self.attempt(
                lambda: ledger.reverse_adjustment(entry, actor=self.ann, note="no")
            )

    @rule(who=pick, first=st.integers(-2, 4), length=st.integers(0, 5))
    def absent(self, who: int, first: int, length: int) -> None:
        """S2: an absence never shortens a streak."""
        member = self.someone(who)
        before = streaks(member)
        start = household_day(self.household, self.now) + datetime.timedelta(first)
        self.attempt(
            lambda: absences.add_absence(
                member,
                start,
                start + datetime.timedelta(length),
                actor=self.ann,
                now=self.now,
            )
        )
        after = streaks(member)
        assert after.current >= before.current
        assert after.longest >= before.longest

    @rule(n=pick)
    def present(self, n: int) -> None:
        if absence := self.one(Absence.objects.all(), n):
            absences.remove_absence(absence, actor=self.ann, now=self.now)

    @rule(who=pick)
    def leave_or_return(self, who: int) -> None:
        gone = self.one(Membership.objects.filter(left_at__isnull=False), who)
        if gone is not None:
            self.attempt(lambda: members.rejoin(gone, actor=self.ann, now=self.now))
        elif (member := self.someone(who)) != self.ann:
            self.attempt(lambda: members.leave(member, actor=self.ann, now=self.now))

    @rule()
    def last_admin_stays(self) -> None:
        self.attempt(lambda: members.leave(self.ann, actor=self.ann, now=self.now))
        if self.ann.left_at or not Membership.objects.active().filter(pk=self.ann.pk):
            self.ann = members.rejoin(self.ann, actor=None, now=self.now)

    @rule(who=pick, role=st.sampled_from(list(Role)))
    def change_role(self, who: int, role: Role) -> None:
        member = self.someone(who)
        if member != self.ann:
            self.attempt(
                lambda: members.change_role(member, role, actor=None, now=self.now)
            )

    @rule(n=pick)
    def pause(self, n: int) -> None:
        chore = self.one(Chore.objects.all(), n)
        self.attempt(
            lambda: set_paused(
                chore.pk, paused=not chore.paused, actor=self.ann, now=self.now
            )
        )

    @rule(n=pick, few=st.booleans(), every=st.integers(2, 5))
    def change_chore(self, n: int, few: bool, every: int) -> None:
        chore = self.one(Chore.objects.filter(archived_at=None), n)
        if chore is None:
            return
        if chore.schedule == "calendar":
            chore.rrule = f"FREQ=DAILY;INTERVAL={every}"
            chore.due_time = datetime.time(every * 4)
        if chore.schedule == "after":
            chore.every_days = every
        there = list(Membership.objects.filter(household=self.household).active())
        people = there[: 1 + n % 2] if few else []
        self.attempt(
            lambda: save_chore(chore, actor=self.ann, participants=people, now=self.now)
        )

    @rule(days=st.lists(st.integers(1, 4), max_size=3))
    def take_turns(self, days: list[int]) -> None:
        """O4: among those who are there, each has as many turns, made in pieces."""
        away = Absence.objects.values("member")
        rows = Membership.objects.filter(household=self.household).active()
        people = list(rows.exclude(pk__in=away).order_by("pk"))
        if not people:
            return
        start = household_day(self.household, self.now)
        fair = Chore(
            household=self.household,
            name="fair",
            starts_on=start,
            **DAILY,
            assign="turns",
        )
        with transaction.atomic():
            save_chore(fair, actor=None, participants=people, now=self.now)
            for gone in itertools.accumulate(days):
                generate(now=self.now + datetime.timedelta(gone))
            turns = fair.occurrences.order_by("due_on").values_list(
                "turn_of", flat=True
            )
            whole = len(turns) // len(people)
            counts = Counter(turns[: whole * len(people)])
            assert counts == dict.fromkeys(
                [m.pk for m in people] if whole else [], whole
            )
            transaction.set_rollback(True)

    @rule(n=pick, to=st.sampled_from(["anyone", "turns", "everyone"]))
    def change_assignment(self, n: int, to: str) -> None:
        chore = self.one(Chore.objects.filter(archived_at=None), n)
        if chore is not None:
            chore.assign = to
            self.attempt(lambda: save_chore(chore, actor=self.ann, now=self.now))

    @rule(n=pick)
    def archive(self, n: int) -> None:
        rows = Chore.objects.filter(archived_at=None).exclude(name="anytime")
        if rows.filter(household=self.household).count() > 4:
            chore = self.one(rows, n)
            archive_chore(chore.pk, actor=self.ann, now=self.now)

    @rule(zone=st.sampled_from(["Europe/Dublin", "Pacific/Auckland", "Asia/Kolkata"]))
    def move_house(self, zone: str) -> None:
        """T4: a household's zone changes no date of what stands or was done."""
        rows = Occurrence.objects.filter(household=self.household)
        closed = rows.exclude(status="open").values_list("pk", "due_on")
        done = ChoreCompletion.objects.filter(household=self.household)
        before = set(closed), set(done.values_list("pk", "done_on"))
        self.household.timezone = zone
        save_household(self.household, actor=self.ann, now=self.now)
        assert set(done.all().values_list("pk", "done_on")) == before[1]
        assert before[0] <= set(rows.all().values_list("pk", "due_on"))

    @invariant()
    def holds(self) -> None:
        if not hasattr(self, "prefix"):
            return
        connection.check_constraints()
        check_all(self.household, stock=STOCK, known=self.known)
        last, fingerprint = self.prefix
        found, newest, whole = self.fingerprints(last)
        assert found == fingerprint  # L6
        self.prefix = (newest, whole)

    def fingerprints(self, last: int) -> tuple[str, int, str]:
        """Return the ledger's up to an entry, the newest entry, and the whole's."""
        with connection.cursor() as cursor:
            cursor.execute(FINGERPRINTS, {"last": last, "home": self.household.pk})
            row: tuple[str, int, str] = cursor.fetchone()
        return row


def run(**options: Any) -> None:
    SystemSetting.objects.create(key="horizon_days", value=HORIZON)
    for hour in HOURS:
        make_home(hour)
    run_state_machine_as_test(
        Domain,
        settings=settings(
            **options, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


@pytest.mark.django_db
def test_invariants_hold_after_any_commands() -> None:
    """The same examples each time; new ones are looked for at length."""
    run(max_examples=30, stateful_step_count=6, derandomize=True, database=None)


@pytest.mark.deep
@pytest.mark.django_db
def test_invariants_hold_after_any_commands_at_length() -> None:
    run(max_examples=2000, stateful_step_count=6)
