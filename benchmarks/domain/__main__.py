"""Measure the household application: seeding, and the queries that matter.

    python -m benchmarks.domain --households 3000

Makes a database of its own on the test server, seeds it, and asserts of each query
that its plan uses the index made for it. Prints Markdown; 28500 households are 12
million occurrences.
"""

from __future__ import annotations

import argparse
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.test")
django.setup()

from django.db import connection, transaction  # noqa: E402

from benchmarks.domain.pages import BIG, measure_pages  # noqa: E402
from benchmarks.domain.queries import TODAY, measure_queries  # noqa: E402
from chores.rewards.factories import PointEntryFactory  # noqa: E402
from chores.scenarios import load  # noqa: E402
from chores.tasks.factories import (  # noqa: E402
    ChoreCompletionFactory,
    ChoreFactory,
    OccurrenceFactory,
)

FACTORY_ROUNDS = 300


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--households", type=int, default=3000)
    parser.add_argument("--keep", action="store_true", help="keep the database")
    options = parser.parse_args()
    connection.settings_dict["TEST"]["NAME"] = "benchmark_domain"
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
    factory_rate(rounds=20)
    factory = factory_rate()
    clock = Clock()
    loaded = load(
        "staging", scale=households, random_seed=1, today=TODAY, progress=progress
    )
    copied = clock.stop(loaded.total())
    again = factory_rate()
    print("\n| what | rows | s | rows a second | Python, s | PostgreSQL, s |")
    print("|---|---|---|---|---|---|")
    for name, rate in {
        "COPY": copied,
        "factory_boy before": factory,
        "factory_boy after": again,
    }.items():
        print(f"| {name} | {rate} |")
    by_clock = [copied.per_second / rate.per_second for rate in (factory, again)]
    print(f"\nTimes faster by the clock: {by_clock[0]:.0f} and {by_clock[1]:.0f}.")
    by_processor = again.microseconds / copied.microseconds
    print(f"Times less of a processor: {by_processor:.0f}.")
    in_order_of_time()
    for table in BIG:
        print(f"- {table}: {loaded[table]:,} rows, {size_of(table)}", flush=True)


def progress(rows: int) -> None:
    """Say how far the seeder is, about every million rows."""
    if rows % 1_000_000 < 55_000:
        print(f"{time.strftime('%X')} {rows:,} rows", flush=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """Rows, and the seconds that they took: by the clock, of Python, of the server."""

    rows: int
    seconds: float
    ours: float
    theirs: float

    @property
    def per_second(self) -> float:
        return self.rows / self.seconds

    @property
    def microseconds(self) -> float:
        """Of a processor, for a row."""
        return 1e6 * (self.ours + self.theirs) / self.rows

    def __str__(self) -> str:
        times = f"{self.ours:.1f} | {self.theirs:.1f}"
        return f"{self.rows:,} | {self.seconds:.1f} | {self.per_second:,.0f} | {times}"


class Clock:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self.ours, self.theirs = own_seconds(), server_seconds()
        self.start = time.perf_counter()

    def stop(self, rows: int) -> Rate:
        seconds = time.perf_counter() - self.start
        ours, theirs = own_seconds() - self.ours, server_seconds() - self.theirs
        return Rate(rows=rows, seconds=seconds, ours=ours, theirs=theirs)


def factory_rate(rounds: int = FACTORY_ROUNDS) -> Rate:
    """Make occurrences, completions and entries one by one, in one transaction."""
    chore = ChoreFactory()
    member = PointEntryFactory(member__household=chore.household).member
    clock = Clock()
    with transaction.atomic():
        for slot in range(rounds):
            occurrence = OccurrenceFactory(chore=chore, slot=slot)
            ChoreCompletionFactory(
                occurrence=occurrence, member=member, recorded_by=member
            )
            PointEntryFactory(member=member)
    return clock.stop(3 * rounds)


def own_seconds() -> float:
    """Return the processor time of this process and of those that it has ended."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def server_seconds() -> float:
    """Return the processor time of our server process, where it can be seen.

    That of the workers which help it to build indexes is not in it.
    """
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


if __name__ == "__main__":
    main()
