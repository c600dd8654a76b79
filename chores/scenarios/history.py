"""Half a year of a household, day by day, as the services would have written it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from chores.rewards.models import Kind, Metric
from chores.scenarios.batch import Batch
from chores.scenarios.purse import Purse
from chores.scenarios.timeline import DAY, Event, Job, clock, day_end, events_of
from chores.tasks.models import Assign, Schedule

UNDONE, SKIPPED, MISSED, HELPED = 0.02, 0.05, 0.12, 0.1
REDEEMS = 0.03


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A household as the history needs it."""

    id: int
    timezone: str
    admin: int
    purses: Mapping[int, Purse]
    rewards: Sequence[tuple[int, int]]


def write_history(
    batch: Batch, home: Home, jobs: Sequence[Job], rng: Random, today: datetime.date
) -> None:
    """Add everything that happened to a household up to today, and what is open."""
    events = [
        event
        for order, job in enumerate(jobs)
        for event in events_of(job, order, rng, today)
    ]
    events.sort(key=lambda event: (event.at, event.order))
    writer = Writer(batch, home, rng, today)
    for event in events:
        writer.write(event)
    writer.finish()


class Writer:
    """Writes one household's rows; keeps what the next row depends on."""

    def __init__(
        self, batch: Batch, home: Home, rng: Random, today: datetime.date
    ) -> None:
        self.batch, self.home, self.rng, self.today = batch, home, rng, today
        self.slots: dict[tuple[int, datetime.date], int] = {}
        self.before: dict[int, int] = {}

    def write(self, event: Event) -> None:
        """Write the occurrences of an event."""
        job = event.job
        outcome = self.outcome(event)
        if job.schedule == Schedule.ANYTIME or job.assign == Assign.ANYONE:
            self.occurrence(event, outcome, slot=self.free_slot(event))
        elif job.assign == Assign.TURNS:
            member = job.people[event.turn % len(job.people)]
            slot = self.free_slot(event)
            self.occurrence(event, outcome, slot=slot, turn=member, assignee=member)
        else:
            for member in job.people:
                own = self.outcome(event)
                self.occurrence(event, own, slot=member, assignee=member)

    def free_slot(self, event: Event) -> int:
        """Return the next slot of a date: 0 but where a chore repeats in a day."""
        key = (event.job.id, event.due)
        self.slots[key] = self.slots.get(key, -1) + 1
        return self.slots[key]

    def outcome(self, event: Event) -> str:
        """Return how an occurrence ends; what is not over is open."""
        if event.job.schedule == Schedule.ANYTIME:
            return "done"
        if event.at >= self.today:
            return "open"
        if event.job.schedule == Schedule.AFTER:
            return "done"
        if event.following is None or event.following >= self.today:
            return "open"
        chance = self.rng.random()
        if chance < SKIPPED:
            return "skipped"
        return "missed" if chance < MISSED else "done"

    def occurrence(
        self,
        event: Event,
        outcome: str,
        *,
        slot: int,
        turn: int | None = None,
        assignee: int | None = None,
    ) -> None:
        """Write an occurrence with what became of it."""
        job, home, day = event.job, self.home, event.due
        number = self.batch.ids.take("tasks_occurrence")
        closed_at = None
        due_at = None
        if job.schedule != Schedule.ANYTIME:
            due_at = day_end(home.timezone, day)
        expires = event.following and day_end(home.timezone, event.following)
        if outcome == "done":
            doer = assignee or self.rng.choice(job.people)
            if assignee and self.rng.random() < HELPED:
                doer = self.rng.choice(job.people)
            closed_at = self.done(event, number, doer, assignee)
            assignee = assignee or doer
        elif outcome != "open":
            closed_at = due_at
        if assignee is not None and outcome in ("done", "missed"):
            home.purses[assignee].end_day(day, done=outcome == "done")
        self.batch.add(
            "tasks_occurrence",
            *(number, home.id, job.id, day, slot, day - DAY * job.lead_days),
            *(due_at, expires if due_at else None, turn, assignee, outcome, closed_at),
            self.before.get(job.id) if job.schedule == Schedule.AFTER else None,
        )
        self.before[job.id] = number

    def done(
        self, event: Event, occurrence: int, doer: int, assignee: int | None
    ) -> str:
        """Write the completion with its points and badges; return its time."""
        job, day = event.job, event.at
        at = clock(self.home.timezone, day, self.rng.randrange(8 * 60, 21 * 60))
        purse = self.home.purses[doer]
        if self.rng.random() < UNDONE:
            self.undone(event, occurrence, purse, at)
        completion = self.completion(event, occurrence, purse, at, "approved")
        purse.post(
            self.batch, Kind.CHORE, job.points, day=day, at=at, completion=completion
        )
        purse.chores.add(job.id)
        purse.count(Metric.COMPLETIONS)
        purse.count(Metric.ON_TIME, day <= event.due)
        purse.count(Metric.EARLY, day < event.due)
        purse.count(Metric.HELPED, assignee not in (None, doer))
        purse.award(self.batch, day=day, at=at)
        if self.rng.random() < REDEEMS:
            self.redeem(purse, day, at)
        return at

    def completion(
        self, event: Event, occurrence: int, purse: Purse, at: str, state: str
    ) -> int:
        """Write a completion; an admin has approved what needs it."""
        job = event.job
        reviewed = job.needs_approval and purse.role != "admin" and state == "approved"
        reviewer = self.home.admin if reviewed else None
        number = self.batch.ids.take("tasks_chorecompletion")
        self.batch.add(
            "tasks_chorecompletion",
            *(number, self.home.id, occurrence, job.id, purse.member, purse.member),
            *(reviewer, at if reviewed else None, state, at, event.at),
            *(event.at <= event.due, job.points, "", at),
        )
        if reviewer is not None:
            judge = self.home.purses[reviewer]
            judge.count(Metric.REVIEWS)
            judge.award(self.batch, day=event.at, at=at)
        return number

    def undone(self, event: Event, occurrence: int, purse: Purse, at: str) -> None:
        """Write an attempt that was taken back, and its two entries."""
        day, points = event.at, event.job.points
        completion = self.completion(event, occurrence, purse, at, "undone")
        entry = purse.post(
            self.batch, Kind.CHORE, points, day=day, at=at, completion=completion
        )
        purse.post(
            self.batch,
            Kind.REVERSAL,
            -points,
            day=day,
            at=at,
            earned=-points,
            reverses=entry,
        )

    def redeem(self, purse: Purse, day: datetime.date, at: str) -> None:
        """Let a member have a reward that they can pay."""
        reward, cost = self.rng.choice(self.home.rewards)
        if cost > purse.balance:
            return
        number = self.batch.ids.take("rewards_redemption")
        self.batch.add(
            "rewards_redemption",
            *(number, self.home.id, reward, purse.member, cost, "delivered", at),
        )
        purse.post(self.batch, Kind.REDEEM, -cost, day=day, at=at, redemption=number)

    def finish(self) -> None:
        """Give the badges for streaks, which only the whole history shows."""
        at = clock(self.home.timezone, self.today, 12 * 60)
        for purse in self.home.purses.values():
            purse.metrics[Metric.DAY_STREAK] = purse.longest_streak()
            purse.award(self.batch, day=self.today, at=at)
