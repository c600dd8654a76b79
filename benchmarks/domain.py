"""Measure the household application: seeding, and the queries that matter.

    python -m benchmarks.domain --households 3000

Makes a test database of its own beside the configured one, seeds it, and asserts of
each query that its plan uses the index made for it. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import datetime
import math
import os
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from django.db import connection, transaction  # noqa: E402
from django.db.models import Count, Sum  # noqa: E402
from django.test import Client  # noqa: E402
from django.urls import reverse  # noqa: E402

from chores.accounts.factories import UserFactory  # noqa: E402
from chores.admin import MOST  # noqa: E402
from chores.households.models import Membership  # noqa: E402
from chores.rewards.factories import PointEntryFactory  # noqa: E402
from chores.rewards.models import PointEntry  # noqa: E402
from chores.rewards.streaks import STREAKS  # noqa: E402
from chores.scenarios import load  # noqa: E402
from chores.tasks.models import ChoreCompletion, Occurrence, Status  # noqa: E402
from chores.tasks.models.occurrence import STANDING  # noqa: E402

TODAY = datetime.date(2026, 6, 15)
DAY = datetime.timedelta(days=1)
FACTORY_ROWS = 200
REPEATS = 15
BIG = ("tasks_occurrence", "tasks_chorecompletion", "rewards_pointentry")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=3000)
    parser.add_argument("--keep", action="store_true", help="keep the database")
    options = parser.parse_args()
    name = connection.creation.create_test_db(verbosity=0, autoclobber=True)
    try:
        measure_seeding(options.households)
        measure_queries()
        measure_pages()
    finally:
        if not options.keep:
            connection.creation.destroy_test_db(name, verbosity=0)


def measure_seeding(households: int) -> None:
    """Compare COPY with factory_boy, in rows a second of the same tables."""
    factory = factory_rate()
    start, ours, theirs = time.perf_counter(), time.process_time(), server_seconds()
    loaded = load("staging", scale=households, random_seed=1, today=TODAY)
    seconds = time.perf_counter() - start
    ours, theirs = time.process_time() - ours, server_seconds() - theirs
    rate = loaded.total / seconds
    print(f"\n{loaded.total:,} rows in {seconds:.1f} s by COPY: {rate:,.0f} a second")
    print(f"(processor: {ours:.1f} s of Python, {theirs:.1f} s of PostgreSQL)")
    print(f"factory_boy: {factory:,.0f} a second, {rate / factory:.0f} times slower")
    for table in BIG:
        print(f"- {table}: {loaded.rows[table]:,} rows, {size_of(table)}")
    in_order_of_time()


def factory_rate() -> float:
    """Return the rows a second of ledger entries made one by one."""
    member = PointEntryFactory().member
    start = time.perf_counter()
    with transaction.atomic():
        for _ in range(FACTORY_ROWS):
            PointEntryFactory(member=member)
    return FACTORY_ROWS / (time.perf_counter() - start)


def server_seconds() -> float:
    """Return the processor time of our server process, where it can be seen."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return math.nan
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_order_of_time() -> None:
    """Store completions as production appends them; the seeder goes by household."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE INDEX by_time ON tasks_chorecompletion (done_on)")
        cursor.execute("CLUSTER tasks_chorecompletion USING by_time")
        cursor.execute("DROP INDEX by_time")
        cursor.execute("VACUUM (ANALYZE)")


def size_of(table: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_size_pretty(pg_total_relation_size(%s))", [table])
        return str(cursor.fetchone()[0])


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
    report("streaks", "occ_streak", lambda: plan_of(STREAKS, parameters))


def report(name: str, index: str, explain: Callable[[], dict[str, Any]]) -> None:
    """Print a line; raise AssertionError when the plan goes another way."""
    plans = [explain() for _ in range(REPEATS)]
    plan = plans[-1]["Plan"]
    used = set(indexes_of(plan))
    assert index in used, f"{name}: {index} is not among {used}"
    milliseconds = statistics.median(row["Execution Time"] for row in plans)
    buffers = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    print(f"| {name} | {index} | {milliseconds:.2f} | {buffers} |")


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


def measure_pages() -> None:
    """Time the admin's lists of the big tables."""
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    print("\n| admin page | ms | ms of processor |\n|---|---|---|")
    for name in ("tasks_occurrence", "tasks_chorecompletion", "rewards_pointentry"):
        url = reverse(f"admin:{name}_changelist")
        client.get(url)
        walls, processor = [], []
        for _ in range(REPEATS):
            start, own = time.perf_counter(), time.process_time()
            assert client.get(url).status_code == 200
            walls.append(time.perf_counter() - start)
            processor.append(time.process_time() - own)
        wall, busy = statistics.median(walls), statistics.median(processor)
        print(f"| {name} | {wall * 1000:.0f} | {busy * 1000:.0f} |")


if __name__ == "__main__":
    main()
