"""The queries that matter, each with the index that its plan must use."""

from __future__ import annotations

import datetime
import statistics
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import Count, Sum

from chores.admin import MOST
from chores.households.models import Membership
from chores.rewards.models import PointEntry
from chores.rewards.streaks import STREAKS
from chores.tasks.models import ChoreCompletion, Occurrence, Status
from chores.tasks.models.occurrence import STANDING

TODAY = datetime.date(2026, 6, 15)
DAY = datetime.timedelta(days=1)
REPEATS = 15
FAR = 2000


def heavy() -> Membership:
    """Return the member with the longest ledger."""
    return Membership.objects.select_related("household").latest("entries")


def queries(member: Membership) -> dict[str, tuple[str, Any]]:
    """Return the queries by name, each with the index that its plan must use."""
    household = member.household_id
    done = ChoreCompletion.objects.filter(household=household)
    year = ChoreCompletion.objects.filter(
        member=member, state="approved", done_on__gt=TODAY - 365 * DAY
    )
    points = PointEntry.objects.filter(household=household, day__lt=TODAY)
    board = Occurrence.objects.filter(
        household=household, status__in=STANDING, due_on__lte=TODAY
    )
    mine = Occurrence.objects.filter(
        assignee=member, status__in=STANDING, due_on__lte=TODAY + 14 * DAY
    )
    longest = TODAY - 30 * DAY
    expired = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    return {
        "household board": ("occ_board", board.values("pk", "due_on")),
        "my chores": ("occ_mine", mine.values("pk", "due_on")),
        "leaderboard of a week": (
            "entry_leaderboard",
            points.filter(day__gte=TODAY - 7 * DAY)
            .values("member")
            .annotate(points=Sum("earned_delta"))
            .order_by(),
        ),
        "leaderboard of a year": (
            "entry_leaderboard",
            points.filter(day__gte=TODAY - 365 * DAY)
            .values("member")
            .annotate(points=Sum("earned_delta"))
            .order_by(),
        ),
        "heatmap of a year": (
            "completion_heatmap",
            year.values("done_on").annotate(n=Count("pk")).order_by(),
        ),
        "history page, keyset": (
            "completion_history",
            done.filter(done_on__lt=longest).order_by("-done_on", "-pk")[:50],
        ),
        "points statement, keyset": (
            "entry_seq",
            PointEntry.objects.filter(member=member, seq__lt=member.entries).order_by(
                "-seq"
            )[:50],
        ),
        "sweep, nothing to do": (
            "occ_expiry",
            Occurrence.objects.filter(status=Status.OPEN, expires_at__lt=expired)
            .order_by("expires_at")
            .values("pk")[:1000],
        ),
        "platform, one day": (
            "completion_dates",
            ChoreCompletion.objects.filter(done_on=TODAY - 90 * DAY)
            .values("state")
            .annotate(n=Count("pk"))
            .order_by(),
        ),
        "newest of the ledger": (
            "rewards_pointentry_pkey",
            PointEntry.objects.order_by("-pk").values("pk")[:MOST],
        ),
    }


def measure_queries() -> None:
    member = heavy()
    print(f"\nA member with {member.entries} entries.\n")
    print("| query | index | ms | buffers |\n|---|---|---|---|")
    for name, (index, query) in queries(member).items():
        report(name, index, lambda q=query: plan_of(*q.query.sql_with_params()))
    parameters = {"member": member.pk, "chore": None}
    report(
        "streaks, current and longest",
        "occ_streak",
        lambda: plan_of(STREAKS, parameters),
    )
    for name, query in avoided(member).items():
        report(f"*avoided:* {name}", "", lambda q=query: plan_of(*q), repeats=3)


def avoided(member: Membership) -> dict[str, tuple[str, Any]]:
    """Return what the application does not do, and why."""
    page = ChoreCompletion.objects.filter(household=member.household_id)
    page = page.order_by("-done_on", "-pk")[FAR : FAR + 50]
    statement = "SELECT sum(amount) FROM rewards_pointentry WHERE member_id = %s"
    return {
        "history page by OFFSET": page.query.sql_with_params(),
        "balance by sum": (statement, [member.pk]),
        "count(*) of completions": ("SELECT count(*) FROM tasks_chorecompletion", []),
    }


def report(
    name: str,
    index: str,
    explain: Callable[[], dict[str, Any]],
    *,
    repeats: int = REPEATS,
) -> None:
    """Print a line; raise AssertionError when the plan goes another way."""
    plans = [explain() for _ in range(repeats)]
    plan = plans[-1]["Plan"]
    used = set(indexes_of(plan))
    assert not index or index in used, f"{name}: {index} is not among {used}"
    milliseconds = statistics.median(row["Execution Time"] for row in plans)
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    print(f"| {name} | {index} | {milliseconds:.2f} | {buffers:,} |", flush=True)


def plan_of(query: str, parameters: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        statement = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {query}"
        cursor.execute(statement, parameters)
        (found,) = cursor.fetchone()
    result: dict[str, Any] = found[0]
    return result


def indexes_of(plan: dict[str, Any]) -> list[str]:
    """Return the indexes that a plan reads, at any depth."""
    own = [plan["Index Name"]] if "Index Name" in plan else []
    return own + [name for part in plan.get("Plans", ()) for name in indexes_of(part)]
