"""Half a year of a household, day by day, as the services would have written it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random

from chores.scenarios.batch import NULL, Batch
from chores.scenarios.purse import (
    CHORE,
    DAY_STREAK,
    REDEEM,
    REVERSAL,
    REVIEWS,
    Purse,
)
from chores.scenarios.timeline import (
    AFTER,
    ANYONE,
    ANYTIME,
    TURNS,
    Calendar,
    Day,
    Event,
    Job,
    events_of,
)

UNDONE, SKIPPED, MISSED, HELPED = 0.02, 0.05, 0.12, 0.1
REDEEMS = 0.03
MORNING, WAKING = 8 * 60, 13 * 60
NOON = 12 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """A household as the history needs it."""

    id: int
    calendar: Calendar
    admin: int
    purses: Mapping[int, Purse]
    rewards: Sequence[tuple[int, int]]


def write_history(
    batch: Batch, home: Home, jobs: Sequence[Job], rng: Random, today: int
) -> None:
    """Add everything that happened to a household up to today, and what is open.

    today is the ordinal of a date.
    """
    events = sorted(
        event
        for order, job in enumerate(jobs)
        for event in events_of(job, order, rng, today)
    )
    writer = Writer(batch, home, rng, today)
    for event in events:
        writer.write(event)
    writer.finish()


class Writer:
    """Writes one household's rows; keeps what the next row depends on.

    The three big tables get a line of text at once: a row takes half the time so.
    """

    def __init__(self, batch: Batch, home: Home, rng: Random, today: int) -> None:
        self.batch, self.home, self.today = batch, home, today
        self.chance = rng.random
        self.slots: Counter[tuple[int, int]] = Counter()
        self.before: dict[int, int] = {}
        self.occurrences = batch.lines["tasks_occurrence"]
        self.completions = batch.lines["tasks_chorecompletion"]

    def one_of(self, people: Sequence[int]) -> int:
        """Return any one of some people."""
        return people[int(self.chance() * len(people))]

    def write(self, event: Event) -> None:
        """Write the occurrences of an event."""
        job = event.job
        if job.schedule == ANYTIME:
            self.occurrence(event, self.free_slot(event))
        elif job.assign == ANYONE:
            self.occurrence(event)
        elif job.assign == TURNS:
            member = job.people[event.turn % len(job.people)]
            self.occurrence(event, turn=member, assignee=member)
        else:
            for member in job.people:
                self.occurrence(event, member, assignee=member)

    def free_slot(self, event: Event) -> int:
        """Return the next slot of a date in which a chore repeats."""
        key = (event.job.id, event.due)
        self.slots[key] += 1
        return self.slots[key]

    def outcome(self, event: Event) -> str:
        """Return how an occurrence ends; what is not over is open."""
        if event.job.schedule == ANYTIME:
            return "done"
        if event.at >= self.today:
            return "open"
        if event.job.schedule == AFTER:
            return "done"
        if event.following is None or event.following >= self.today:
            return "open"
        chance = self.chance()
        if chance < SKIPPED:
            return "skipped"
        return "missed" if chance < MISSED else "done"

    def occurrence(
        self,
        event: Event,
        slot: int = 0,
        *,
        turn: int | str = NULL,
        assignee: int | None = None,
    ) -> None:
        """Write an occurrence with what became of it."""
        job, home, outcome = event.job, self.home, self.outcome(event)
        day = home.calendar[event.due]
        number = self.batch.ids.take("tasks_occurrence")
        due_at = closed_at = expires = NULL
        before: int | str = NULL
        if job.schedule != ANYTIME:
            due_at = day.end
            if event.following is not None:
                expires = home.calendar[event.following].end
        if job.schedule == AFTER:
            before = self.before.get(job.id, NULL)
            self.before[job.id] = number
        if outcome == "done":
            doer = self.doer(job, assignee)
            closed_at = self.done(event, number, home.purses[doer], assignee)
            assignee = assignee or doer
        elif outcome != "open":
            closed_at = due_at
        if assignee is not None and outcome in ("done", "missed"):
            home.purses[assignee].end_day(event.due, done=outcome == "done")
        opens = home.calendar[event.due - job.lead_days].text
        self.occurrences.append(
            f"{number}\t{home.id}\t{job.id}\t{day.text}\t{slot}\t{opens}\t{due_at}\t"
            f"{expires}\t{turn}\t{assignee or NULL}\t{outcome}\t{closed_at}\t{before}\n"
        )

    def doer(self, job: Job, assignee: int | None) -> int:
        """Return who does it: whose it is, save for some help now and then."""
        if assignee is None or self.chance() < HELPED:
            return self.one_of(job.people)
        return assignee

    def done(
        self, event: Event, occurrence: int, purse: Purse, assignee: int | None
    ) -> str:
        """Write the completion with its points and badges; return its time."""
        job, day = event.job, self.home.calendar[event.at]
        at = day.at(MORNING + int(self.chance() * WAKING))
        if self.chance() < UNDONE:
            self.undone(event, occurrence, purse, day, at)
        number = self.completion(event, occurrence, purse, day, at, "approved")
        points = job.points
        purse.post(
            self.batch, CHORE, points, day.text, at, earned=points, completion=number
        )
        helped = assignee is not None and assignee != purse.member
        purse.did(job.id, early=event.due - event.at, helped=helped)
        purse.award(self.batch, day.text, at)
        if self.chance() < REDEEMS:
            self.redeem(purse, day, at)
        return at

    def completion(
        self,
        event: Event,
        occurrence: int,
        purse: Purse,
        day: Day,
        at: str,
        state: str,
    ) -> int:
        """Write a completion; an admin has approved what needs it."""
        job, home = event.job, self.home
        number = self.batch.ids.take("tasks_chorecompletion")
        reviewer: int | str = NULL
        reviewed_at = NULL
        reviewed = job.needs_approval and purse.role != "admin" and state == "approved"
        if reviewed:
            reviewer, reviewed_at = home.admin, at
        on_time = "t" if event.at <= event.due else "f"
        self.completions.append(
            f"{number}\t{home.id}\t{occurrence}\t{job.id}\t{purse.member}\t"
            f"{purse.member}\t{reviewer}\t{reviewed_at}\t{state}\t{at}\t{day.text}\t"
            f"{on_time}\t{job.points}\t\t{at}\n"
        )
        if reviewed:
            judge = home.purses[home.admin]
            judge.metrics[REVIEWS] += 1
            judge.award(self.batch, day.text, at)
        return number

    def undone(
        self, event: Event, occurrence: int, purse: Purse, day: Day, at: str
    ) -> None:
        """Write an attempt that was taken back, and its two entries."""
        batch, points, text = self.batch, event.job.points, day.text
        number = self.completion(event, occurrence, purse, day, at, "undone")
        entry = purse.post(
            batch, CHORE, points, text, at, earned=points, completion=number
        )
        purse.post(batch, REVERSAL, -points, text, at, earned=-points, reverses=entry)

    def redeem(self, purse: Purse, day: Day, at: str) -> None:
        """Let a member have a reward that they can pay."""
        rewards = self.home.rewards
        reward, cost = rewards[int(self.chance() * len(rewards))]
        if cost > purse.balance:
            return
        number = self.batch.ids.take("rewards_redemption")
        self.batch.add(
            "rewards_redemption",
            *(number, self.home.id, reward, purse.member, cost, "delivered", at),
        )
        purse.post(self.batch, REDEEM, -cost, day.text, at, earned=0, redemption=number)

    def finish(self) -> None:
        """Give the badges for streaks, which only the whole history shows."""
        day = self.home.calendar[self.today]
        for purse in self.home.purses.values():
            purse.metrics[DAY_STREAK] = purse.longest_streak()
            purse.award(self.batch, day.text, day.at(NOON))
