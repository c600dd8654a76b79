"""Backfill against one big UPDATE: throughput, and how long a row stays locked.

    python -m benchmarks.backfill [--rows 1000000] [--kills 10]

Prints a ratio (one UPDATE's time / the backfill's), the longest batch, and what was
left after every kill of a backfill that is started again each time.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from tests.server import OwnServer

DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
MAKE = """
DROP TABLE IF EXISTS bench_row;
CREATE TABLE bench_row (id bigserial PRIMARY KEY, name text, loud text);
INSERT INTO bench_row (name)
SELECT repeat('name ', 10) || g FROM generate_series(1, %s) g;
"""
MISSING = "SELECT count(*) FROM bench_row WHERE loud IS NULL"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--url", help="Run one backfill there; used by ourselves.")
    options = parser.parse_args()
    if options.url:
        _backfill(options.url)
        return
    server = OwnServer.make(settings=DURABLE)
    try:
        _report(server, options.rows, options.kills)
    finally:
        server.remove()


def _report(server: OwnServer, rows: int, kills: int) -> None:
    load = os.getloadavg()[0]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, PostgreSQL {server.major}, {os.cpu_count()} "
        f"cores (load before: {load:.1f}), {rows} rows.\n"
    )
    ratios = []
    for _ in range(3):
        big, small, longest, batches = _race(server, rows)
        ratios.append(big / small)
        print(
            f"one UPDATE {big:.1f} s, backfill {small:.1f} s in {batches} batches, "
            f"ratio {big / small:.2f}, longest batch with its pause {longest:.3f} s",
            flush=True,
        )
    print(f"\nmedian ratio {sorted(ratios)[1]:.2f} (1 is one UPDATE's throughput)")
    print(f"\nleft after each of {kills} kills: {_killed(server, rows, kills)}")


def _race(server: OwnServer, rows: int) -> tuple[float, float, float, int]:
    _make(server, rows)
    started = time.monotonic()
    _execute(server, "UPDATE bench_row SET loud = upper(name) WHERE loud IS NULL")
    big = time.monotonic() - started
    _make(server, rows)
    done = _start(server)
    out, _ = done.communicate()
    marks = [float(line) for line in out.split()]
    longest = max(b - a for a, b in pairwise(marks))
    return big, marks[-1] - marks[0], longest, len(marks) - 1


def _killed(server: OwnServer, rows: int, kills: int) -> list[int]:
    """Kill -9 one backfill after another; the last one ends by itself."""
    _make(server, rows)
    left = []
    for _ in range(kills):
        process = _start(server)
        assert process.stdout is not None
        for _ in range(8):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
        left.append(_missing(server))
    _start(server).communicate()
    return [*left, _missing(server)]


def _missing(server: OwnServer) -> int:
    with server.connect() as connection:
        return int(connection.execute(MISSING).fetchone()[0])


def _make(server: OwnServer, rows: int) -> None:
    _execute(server, MAKE.replace("%s", str(rows)))
    _execute(server, "VACUUM ANALYZE bench_row")
    _execute(server, "CHECKPOINT")


def _execute(server: OwnServer, query: Any) -> None:
    with server.connect() as connection:
        connection.execute(query)


def _start(server: OwnServer) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.backfill", "--url", server.url],
        stdout=subprocess.PIPE,
        text=True,
    )


def _backfill(url: str) -> None:
    """Run one backfill; print the clock before it and after every batch."""
    import django
    import environ
    from django.conf import settings

    settings.configure(
        DATABASES={"default": environ.Env.db_url_config(url)},
        INSTALLED_APPS=["migrationops"],
        MIGRATIONOPS={"ENVIRONMENT": "development"},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    )
    django.setup()
    from django.db import connection, models
    from django.db.migrations import CreateModel
    from django.db.migrations.state import ProjectState
    from django.db.models import Q
    from django.db.models.functions import Upper

    from migrationops.operations import Backfill

    state = ProjectState()
    columns = [
        ("id", models.BigAutoField(primary_key=True)),
        ("name", models.TextField()),
        ("loud", models.TextField(null=True)),
    ]
    CreateModel("Row", columns, {"db_table": "bench_row"}).state_forwards(
        "bench", state
    )
    backfill = Backfill("row", {"loud": Upper("name")}, Q(loud__isnull=True))
    backfill.report = lambda _: print(time.monotonic(), flush=True)
    print(time.monotonic(), flush=True)
    with connection.schema_editor(atomic=False) as editor:
        backfill.database_forwards("bench", editor, state, state)


if __name__ == "__main__":
    main()
