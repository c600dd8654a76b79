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
    start, ours, theirs = time.perf_counter(), time.process_time(), server_seconds()
    loaded = load(
        "staging", scale=households, random_seed=1, today=TODAY, progress=progress
    )
    seconds = time.perf_counter() - start
    ours, theirs = time.process_time() - ours, server_seconds() - theirs
    rate = loaded.total() / seconds
    print(f"\n{loaded.total():,} rows in {seconds:.1f} s by COPY: {rate:,.0f} a second")
    print(f"(processor: {ours:.1f} s of Python, {theirs:.1f} s of PostgreSQL)")
    again = factory_rate()
    print(f"factory_boy: {factory:,.0f} a second before, {again:,.0f} after")
    print(f"COPY is {rate / factory:.0f} and {rate / again:.0f} times faster")
    in_order_of_time()
    for table in BIG:
        print(f"- {table}: {loaded[table]:,} rows, {size_of(table)}", flush=True)


def progress(rows: int) -> None:
    """Say how far the seeder is, about every million rows."""
    if rows % 1_000_000 < 55_000:
        print(f"{time.strftime('%X')} {rows:,} rows", flush=True)


def factory_rate(rounds: int = FACTORY_ROUNDS) -> float:
    """Return the rows a second of occurrences, completions and entries one by one."""
    chore = ChoreFactory()
    member = PointEntryFactory(member__household=chore.household).member
    start = time.perf_counter()
    with transaction.atomic():
        for slot in range(rounds):
            occurrence = OccurrenceFactory(chore=chore, slot=slot)
            ChoreCompletionFactory(
                occurrence=occurrence, member=member, recorded_by=member
            )
            PointEntryFactory(member=member)
    return 3 * rounds / (time.perf_counter() - start)


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


if __name__ == "__main__":
    main()
