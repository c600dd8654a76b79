"""The invariants of the domain, each a function that asserts it of a household.

The rows are read once, so that a machine can check after every step.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chores.households.models import Absence, Household, Membership, Role
from chores.rewards.models import (
    Achievement,
    Kind,
    PointEntry,
    Redemption,
    RedemptionState,
    Reward,
    UserAchievement,
)
from chores.rewards.streaks import streaks
from chores.tasks.models import (
    Assign,
    Chore,
    ChoreCompletion,
    ChoreParticipant,
    Occurrence,
    Schedule,
    State,
    Status,
)
from chores.tasks.models.occurrence import STANDING

if TYPE_CHECKING:
    from collections.abc import Iterable

EARNING = (Kind.CHORE, Kind.BONUS, Kind.BADGE)
HOLDING = (
    RedemptionState.REQUESTED,
    RedemptionState.GRANTED,
    RedemptionState.DELIVERED,
)
STATUS_OF = {
    None: {Status.OPEN, Status.SKIPPED, Status.MISSED},
    State.PENDING: {Status.SUBMITTED},
    State.APPROVED: {Status.DONE},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Everything that a household has."""

    members: list[Membership]
    chores: list[Chore]
    occurrences: list[Occurrence]
    completions: list[ChoreCompletion]
    entries: list[PointEntry]
    rewards: list[Reward]
    redemptions: list[Redemption]
    badges: list[UserAchievement]
    absences: list[Absence]
    participants: dict[int, set[int]]

    @classmethod
    def of(cls, household: Household) -> Rows:
        def all_of(model: Any, *related: str) -> list[Any]:
            rows = model.objects.filter(household=household)
            return list(rows.select_related(*related) if related else rows)

        participants = defaultdict(set)
        for row in all_of(ChoreParticipant):
            participants[row.chore_id].add(row.member_id)
        return cls(
            members=all_of(Membership),
            chores=all_of(Chore),
            occurrences=all_of(Occurrence),
            completions=all_of(ChoreCompletion),
            entries=sorted(all_of(PointEntry), key=lambda row: row.seq),
            rewards=all_of(Reward),
            redemptions=all_of(Redemption),
            badges=all_of(UserAchievement, "achievement"),
            absences=all_of(Absence),
            participants=participants,
        )

    def net(self, **cause: int) -> int:
        """Return what the entries of a cause and their reversals add up to."""
        ((name, value),) = cause.items()
        own = [row for row in self.entries if getattr(row, name) == value]
        ids = {row.pk for row in own}
        mirrored = (row for row in self.entries if row.reverses_id in ids)
        return sum(row.amount for row in (*own, *mirrored))

    def is_away(self, member: int | None, day: Any) -> bool:
        return any(row.member_id == member and day in row.days for row in self.absences)


def check_all(
    household: Household, *, stock: int | None = None, known: set[Days] | None = None
) -> None:
    """Assert every invariant of a household's rows.

    stock: how many pieces of each reward there were to begin with. known: days whose
    streaks were found right before; more are added.
    """
    rows = Rows.of(household)
    check_ledger(rows)
    check_completions(rows)
    check_redemptions(rows)
    check_stock(rows, stock)
    check_occurrences(rows)
    check_streaks(rows, set() if known is None else known)
    check_badges(rows, household)
    check_admin(rows)
    check_tenancy(rows, household)


def check_ledger(rows: Rows) -> None:
    for member in rows.members:
        own = [row for row in rows.entries if row.member_id == member.pk]
        assert member.balance == sum(row.amount for row in own)  # L1
        assert member.entries == len(own)  # L2
        assert [row.seq for row in own] == list(range(1, len(own) + 1))
        running = list(itertools.accumulate(row.amount for row in own))
        assert [row.balance_after for row in own] == running  # L3
        assert all(r.balance_after >= 0 for r in own if r.kind == Kind.REDEEM)  # L4
        gone = {row.reverses_id for row in own if row.reverses_id}
        earned = sum(r.amount for r in own if r.kind in EARNING and r.pk not in gone)
        assert member.earned == earned >= 0  # L5
        assert member.earned == sum(row.earned_delta for row in own)
        check_reversals(own)


def check_reversals(own: list[PointEntry]) -> None:
    """L7: each entry is reversed at most once, by its exact negative."""
    by_id = {row.pk: row for row in own}
    reversals = [row for row in own if row.kind == Kind.REVERSAL]
    assert len({row.reverses_id for row in reversals}) == len(reversals)
    for row in reversals:
        assert row.reverses_id is not None
        original = by_id[row.reverses_id]
        assert (original.amount, original.day) == (-row.amount, row.day)


def check_completions(rows: Rows) -> None:
    live: Counter[int] = Counter()
    state_of: dict[int, State] = {}
    for completion in rows.completions:
        state = State(completion.state)
        if state in (State.PENDING, State.APPROVED):
            live[completion.occurrence_id] += 1
            state_of[completion.occurrence_id] = state
        due = completion.points if state == State.APPROVED else 0
        assert rows.net(completion_id=completion.pk) == due  # C3
        assert completion.reviewed_by_id != completion.member_id  # C4
    assert all(count == 1 for count in live.values())  # C1
    for occurrence in rows.occurrences:
        assert occurrence.status in STATUS_OF[state_of.get(occurrence.pk)]  # C2


def check_redemptions(rows: Rows) -> None:
    for redemption in rows.redemptions:
        held = redemption.cost if redemption.state in HOLDING else 0
        assert rows.net(redemption_id=redemption.pk) == -held  # R1


def check_stock(rows: Rows, begun: int | None) -> None:
    """R2: what is left and what is promised or given are all that there was."""
    held = Counter(row.reward_id for row in rows.redemptions if row.state in HOLDING)
    for reward in rows.rewards:
        assert reward.stock is None or reward.stock >= 0
        if begun is not None:
            assert reward.stock == begun - held[reward.pk]


def check_occurrences(rows: Rows) -> None:
    slots = Counter((row.chore_id, row.due_on, row.slot) for row in rows.occurrences)
    assert all(count == 1 for count in slots.values())  # O1
    for chore in rows.chores:
        own = [row for row in rows.occurrences if row.chore_id == chore.pk]
        standing = [row for row in own if row.status in STANDING]
        active = chore.archived_at is None and not chore.paused
        if chore.schedule == Schedule.AFTER and active:
            assert len(standing) == 1, (chore, standing)  # O3
        if not active:
            assert all(row.status == Status.SUBMITTED for row in standing)
        check_people(rows, chore, standing)


def check_people(rows: Rows, chore: Chore, standing: Iterable[Occurrence]) -> None:
    """O5: nothing open is of somebody who is away, has left or takes no part."""
    named = rows.participants.get(chore.pk, set())
    gone = {row.pk for row in rows.members if row.left_at is not None}
    for row in standing:
        if row.status == Status.SUBMITTED or row.assignee_id is None:
            continue
        assert row.assignee_id not in gone
        assert not named or row.assignee_id in named
        assert not rows.is_away(row.assignee_id, row.due_on)
        if chore.assign == Assign.EVERYONE:
            assert row.slot == row.assignee_id  # O6


@dataclass(frozen=True, slots=True)
class Days:
    """What a member's streaks come from: how each date ended, and who was away."""

    member: int
    ended: tuple[tuple[Any, bool], ...]

    @classmethod
    def of(cls, rows: Rows, member: Membership) -> Days:
        ended = sorted(
            (row.due_on, row.status == Status.MISSED)
            for row in rows.occurrences
            if row.assignee_id == member.pk
            and row.status in (Status.DONE, Status.MISSED)
            and not (
                row.status == Status.MISSED and rows.is_away(member.pk, row.due_on)
            )
        )
        return cls(member.pk, tuple(ended))

    def streaks(self) -> tuple[int, int]:
        """Return the current and the longest streak, by walking the days."""
        current = longest = 0
        for _, group in itertools.groupby(self.ended, key=lambda row: row[0]):
            current = 0 if any(missed for _, missed in group) else current + 1
            longest = max(longest, current)
        return current, longest


def check_streaks(rows: Rows, known: set[Days]) -> None:
    """S1: the query equals a walk over the days; what is known was compared before."""
    for member in rows.members:
        days = Days.of(rows, member)
        if days not in known:
            found = streaks(member)
            assert (found.current, found.longest) == days.streaks()
            known.add(days)


def check_badges(rows: Rows, household: Household) -> None:
    held = [row for row in rows.badges if row.revoked_at is None]
    counts = Counter((row.member_id, row.achievement.code) for row in held)
    assert all(count == 1 for count in counts.values())
    for badge in rows.badges:
        due = 0 if badge.revoked_at else badge.achievement.bonus
        assert rows.net(badge_id=badge.pk) == due
    first = Achievement.objects.get(household=household, code="first-step")
    done = Counter(r.member_id for r in rows.completions if r.state == State.APPROVED)
    for member in rows.members:
        reached = done[member.pk] >= first.threshold
        assert reached == ((member.pk, first.code) in counts)  # B1


def check_admin(rows: Rows) -> None:
    """H3: somebody signs in and decides."""
    assert any(
        row.role == Role.ADMIN and row.user_id and row.left_at is None
        for row in rows.members
    )


def check_tenancy(rows: Rows, household: Household) -> None:
    """H1: whatever a row points at is of the same household."""
    members = {row.pk for row in rows.members}
    chores = {row.pk for row in rows.chores}
    for occurrence in rows.occurrences:
        assert occurrence.chore_id in chores
        assert {occurrence.assignee_id, occurrence.turn_of_id} <= {*members, None}
    for row in (*rows.completions, *rows.entries, *rows.redemptions):
        assert row.member_id in members
        assert row.household_id == household.pk
