"""Production-like households by the thousand, the same ones for the same seed."""

from __future__ import annotations

import datetime
from random import Random

from chores.households.models import Role
from chores.rewards.builtin import BUILTIN
from chores.scenarios.batch import Batch
from chores.scenarios.history import Home, write_history
from chores.scenarios.purse import Purse, badges_of
from chores.scenarios.timeline import DAY, Job, calendar_of
from chores.tasks.models import Assign, Schedule

ZONES = (
    "Europe/Dublin",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Pacific/Auckland",
)
SEEDED = "seeded-"
HISTORY = 180
HORIZON = 14
HEAVY = 0.02
# name, schedule, rule, days between, points, assign, needs approval
CHORES = (
    ("Dishes", "calendar", "FREQ=DAILY", 1, 5, Assign.TURNS, False),
    ("Tidy your room", "calendar", "FREQ=WEEKLY;BYDAY=SA", 7, 8, Assign.EVERYONE, True),
    ("Bins", "calendar", "FREQ=WEEKLY;BYDAY=TU", 7, 5, Assign.ANYONE, False),
    ("Sheets", "after", "", 14, 15, Assign.ANYONE, False),
    ("Errand", "anytime", "", 9, 6, Assign.ANYONE, False),
    ("Cook", "calendar", "FREQ=DAILY;INTERVAL=2", 2, 10, Assign.TURNS, False),
    ("Bathroom", "calendar", "FREQ=WEEKLY;BYDAY=SU", 7, 20, Assign.TURNS, True),
    ("Plants", "after", "", 6, 4, Assign.TURNS, False),
    ("Laundry", "calendar", "FREQ=DAILY;INTERVAL=3", 3, 8, Assign.ANYONE, False),
)
WEEKDAY = {"SA": 5, "TU": 1, "SU": 6}
REWARDS = (("Choose the film", 30), ("Breakfast in bed", 100), ("A trip", 400))


def add_household(batch: Batch, number: int, rng: Random, today: datetime.date) -> None:
    """Add one household with its people, chores and history."""
    household = batch.ids.take("households_household")
    zone = rng.choice(ZONES)
    start = today - DAY * (HISTORY * (3 if rng.random() < HEAVY else 1))
    batch.add(
        "households_household",
        *(household, f"{SEEDED}{household}", f"Household {number}", zone, 0, 0),
        *("points", True, f"{start} 09:00+00"),
    )
    achievements = add_achievements(batch, household)
    purses = add_members(batch, household, rng, achievements)
    jobs = add_chores(batch, household, purses, rng, start, today)
    home = Home(
        id=household,
        calendar=calendar_of(zone),
        admin=min(purses),
        purses=purses,
        rewards=add_rewards(batch, household),
    )
    write_history(batch, home, jobs, rng, today.toordinal())
    for place, purse in enumerate(purses.values()):
        add_membership(batch, purse, place, start)


def add_achievements(batch: Batch, household: int) -> dict[str, int]:
    """Add the built-in achievements; return their ids by code."""
    ids = {}
    for code, name, emoji, metric, threshold, bonus in BUILTIN:
        ids[code] = batch.ids.take("rewards_achievement")
        batch.add(
            "rewards_achievement",
            *(ids[code], household, code, name, emoji, metric.value, threshold),
            *(bonus, True),
        )
    return ids


def add_rewards(batch: Batch, household: int) -> list[tuple[int, int]]:
    """Add a shop; return ids and costs."""
    found = []
    for name, cost in REWARDS:
        number = batch.ids.take("rewards_reward")
        batch.add("rewards_reward", number, household, name, "", cost, False)
        found.append((number, cost))
    return found


def add_members(
    batch: Batch, household: int, rng: Random, achievements: dict[str, int]
) -> dict[int, Purse]:
    """Choose two to five people, the first an admin; their rows follow at the end."""
    purses = {}
    for place in range(rng.randint(2, 5)):
        member = batch.ids.take("households_membership")
        role = (Role.ADMIN, Role.MEMBER)[place] if place < 2 else Role.CHILD
        purses[member] = Purse(
            household=household,
            member=member,
            role=role.value,
            wanted=badges_of(achievements),
        )
        batch.members.append(member)
    return purses


def add_membership(
    batch: Batch, purse: Purse, place: int, start: datetime.date
) -> None:
    """Add a member with the figures that the history led to."""
    user = None
    if purse.role != Role.CHILD:
        user = batch.ids.take("accounts_user")
        name = f"{SEEDED}{purse.member}"
        batch.add(
            "accounts_user",
            *(user, name, f"{name}@example.com", "", "", "!", False, False, True),
            f"{start} 09:00+00",
        )
    batch.add(
        "households_membership",
        *(purse.member, purse.household, user, f"Member {place + 1}", "", "#1d4ed8"),
        *(purse.role, "", 0, True, start, purse.balance, purse.earned, purse.entries),
    )


def add_chores(
    batch: Batch,
    household: int,
    purses: dict[int, Purse],
    rng: Random,
    start: datetime.date,
    today: datetime.date,
) -> list[Job]:
    """Add some chores; return them with the dates of their history."""
    jobs = []
    for name, schedule, rule, between, points, assign, approval in rng.sample(
        CHORES, rng.randint(4, len(CHORES))
    ):
        chore = batch.ids.take("tasks_chore")
        first = first_day(rule, start)
        end = today + DAY * (0 if schedule == Schedule.ANYTIME else HORIZON + 1)
        days = range(first.toordinal(), end.toordinal(), between)
        jobs.append(
            Job(
                id=chore,
                schedule=schedule,
                points=points,
                assign=assign.value,
                people=tuple(purses),
                needs_approval=approval,
                lead_days=1 if schedule == Schedule.AFTER else 0,
                every_days=between,
                days=days,
            )
        )
        after = between if schedule == Schedule.AFTER else None
        next_on = None
        if schedule == Schedule.CALENDAR:
            next_on = datetime.date.fromordinal(days[-1] + between)
        batch.add(
            "tasks_chore",
            *(chore, household, name, "", "", "", points, schedule, rule, after, first),
            *(jobs[-1].lead_days, assign.value, "occurrence", approval, False, next_on),
        )
    return jobs


def first_day(rule: str, start: datetime.date) -> datetime.date:
    """Return the rule's first date from a start on."""
    weekday = WEEKDAY.get(rule[-2:])
    if weekday is None:
        return start
    return start + DAY * ((weekday - start.weekday()) % 7)
