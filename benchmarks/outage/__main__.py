"""How long writers stand still during a change: Django, its peer, and us.

    python -m benchmarks.outage [--quick] [--case NAME ...] [--by NAME ...]
                                [--rows 2000000] [--rate 200]

With --quick every case is there, with the same rows; who does not finish within 20 s
is not run again. It takes about eight minutes.

Needs django-pg-zero-downtime-migrations (requirements-bench.txt) for the peer.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.outage.cases import CASES, Case, write
from benchmarks.outage.traffic import traffic
from tests.server import OwnServer

ROOT = Path(__file__).resolve().parents[2]
LOCK_TIMEOUT = 0.5  # seconds, of the peer and of us
PATIENCE, QUICK = 180.0, 20.0  # seconds until a change counts as not done
DURABLE = {
    "fsync": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "4GB",
}
POSTGRES = "django.db.backends.postgresql"
PEER = "django_zero_downtime_migrations.backends.postgres"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Who migrates, and by what command."""

    name: str
    engine: str
    command: str
    safe: bool = False


CONTESTANTS = [
    Contestant(name="migrate", engine=POSTGRES, command="migrate"),
    Contestant(name="zero-downtime", engine=PEER, command="migrate"),
    Contestant(name="safe_migrate", engine=POSTGRES, command="safe_migrate", safe=True),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    case: str
    contestant: str
    p99: float
    worst: float
    failed: int
    seconds: float
    tries: int
    outcome: str

    def row(self) -> str:
        cells = (
            self.case,
            self.contestant,
            f"{self.p99 * 1000:.0f}",
            f"{self.worst * 1000:.0f}",
            str(self.failed),
            f"{self.seconds:.1f}",
            str(self.tries),
            self.outcome,
        )
        return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--case", action="append")
    parser.add_argument("--by", action="append")
    parser.add_argument(
        "--quick",
        dest="patience",
        action="store_const",
        const=QUICK,
        default=PATIENCE,
    )
    options = parser.parse_args()
    chosen = [c for c in CASES if not options.case or c.name in options.case]
    contestants = [c for c in CONTESTANTS if not options.by or c.name in options.by]
    server = OwnServer.make(settings=DURABLE)
    try:
        _fill(server, options.rows)
        print(_heading(server, options))
        for case in chosen:
            for contestant in contestants:
                print(_run(server, case, contestant, options).row(), flush=True)
    finally:
        server.remove()


def _heading(server: OwnServer, options: argparse.Namespace) -> str:
    load = os.getloadavg()[0]
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, PostgreSQL {server.major}, {os.cpu_count()} "
        f"cores (load before: {load:.1f}), {options.rows} rows, "
        f"{options.rate} transactions/s, lock timeout {LOCK_TIMEOUT} s, given up after "
        f"{options.patience:.0f} s.\n\n"
        "| change | by | p99 ms | worst ms | failed writes | total s | tries | end |\n"
        "|---|---|---|---|---|---|---|---|"
    )


def _fill(server: OwnServer, rows: int) -> None:
    """Make the template: migrated to the first migration, filled, analysed."""
    with closing(server.connect(dbname="postgres", autocommit=True)) as connection:
        connection.execute("CREATE DATABASE bench")
    with tempfile.TemporaryDirectory() as directory:
        write(Path(directory, "bench_migrations"), (), atomic=True)
        _migrate(server, CONTESTANTS[2], directory, "bench").check_returncode()
    with closing(server.connect(dbname="bench", autocommit=True)) as connection:
        connection.execute("INSERT INTO shop_customer SELECT generate_series(1, 1000)")
        connection.execute(
            "INSERT INTO shop_order (customer_id, note, amount, ref) "
            "SELECT 1 + g %% 1000, 'note ' || g, g, g FROM generate_series(1, %s) g",
            [rows],
        )
        connection.execute("VACUUM ANALYZE")


def _run(
    server: OwnServer, case: Case, contestant: Contestant, options: argparse.Namespace
) -> Result:
    with closing(server.connect(dbname="postgres", autocommit=True)) as connection:
        connection.execute("DROP DATABASE IF EXISTS run WITH (FORCE)")
        connection.execute("CREATE DATABASE run TEMPLATE bench STRATEGY FILE_COPY")
        connection.execute("CHECKPOINT")
    with closing(server.connect(dbname="run", autocommit=True)) as connection:
        params = {**server.params, "dbname": "run"}
    with tempfile.TemporaryDirectory() as directory:
        operations = case.ours if contestant.safe else (case.djangos,)
        write(
            Path(directory, "bench_migrations"), operations, atomic=not contestant.safe
        )
        with traffic(params, rate=options.rate, rows=options.rows) as seen:
            time.sleep(1.0)
            started = time.monotonic()
            tries, outcome = _until_done(
                server, contestant, directory, options.patience
            )
            seconds = time.monotonic() - started
            time.sleep(0.5)
    return Result(
        case=case.name,
        contestant=contestant.name,
        p99=seen.p99,
        worst=seen.worst,
        failed=len(seen.failures),
        seconds=seconds,
        tries=tries,
        outcome=outcome,
    )


def _until_done(
    server: OwnServer, contestant: Contestant, directory: str, patience: float
) -> tuple[int, str]:
    """Run the command as an operator would: again, while it fails."""
    deadline, tries = time.monotonic() + patience, 0
    while True:
        tries += 1
        done = _migrate(server, contestant, directory, "run")
        if done.returncode == 0:
            return tries, "done"
        if time.monotonic() > deadline:
            return tries, done.stderr.strip().splitlines()[-1][:60]


def _migrate(
    server: OwnServer, contestant: Contestant, directory: str, dbname: str
) -> subprocess.CompletedProcess[str]:
    environ = {
        **server.environ(),
        "DATABASE_URL": server.url.replace(f"/{server.dbname}?", f"/{dbname}?"),
        "DJANGO_SETTINGS_MODULE": "benchmarks.outage.project.settings",
        "PYTHONPATH": f"{ROOT}:{directory}",
        "BENCH_ENGINE": contestant.engine,
        "BENCH_LOCK_TIMEOUT": str(LOCK_TIMEOUT),
        "BENCH_DIRECTORY": directory,
    }
    return subprocess.run(
        [sys.executable, "-m", "django", contestant.command, "shop", "--no-input"],
        env=environ,
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    main()
