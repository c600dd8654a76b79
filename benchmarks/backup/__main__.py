"""Measure backups against bare pg_dump and django-dbbackup; see README.md.

python -m benchmarks.backup [--size 2] [--rounds 5] [--client DIRECTORY]
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from migrationops.backups.dumping import probe_compression
from migrationops.postgres.tools import find_programs
from tests.server import OwnServer

RESULTS = Path(__file__).with_name("results.md")
ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 10
BARE = "pg_dump -Fc"
DECODE = "pg_restore --section=data -f - | grep -c ^ >rows"
LEVELS = ("none", "decoded", "counted", "restored")
SCALE = 67  # pgbench's, for a gigabyte
# Beside pgbench's numbers, rows as an application has them: text, JSON, times.
SEED = """
CREATE TABLE entry (
    id bigserial PRIMARY KEY, at timestamptz, title text, body text, data jsonb
);
INSERT INTO entry (at, title, body, data)
SELECT now() - g * interval '1 minute', 'entry ' || g,
       (SELECT string_agg(md5((g * 7 + i)::text), ' ') FROM generate_series(1, 6) i),
       jsonb_build_object('points', g %% 50, 'tags', jsonb_build_array(g %% 7, 'a'))
FROM generate_series(1, %s) g;
CREATE INDEX ON entry (at);
"""
ROWS = 300_000  # of it, for a gigabyte
TABLES = """
SELECT format('SELECT count(*) FROM %s', oid::regclass)
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""


class Bench:
    """A server, a directory, and the ways to measure on them."""

    def __init__(self, server: OwnServer, directory: Path, client: Path) -> None:
        self.server = server
        self.directory = directory
        self.client = client
        programs = find_programs(server.major, [client])
        self.compression = probe_compression(programs)
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.proofs: list[float] = []
        self.packages = dbbackup_packages(directory)
        self.peaks: dict[str, float] = {}

    def program(self, label: str, name: str, *arguments: str) -> None:
        """Run a client program as anyone would, and note how long it took."""
        self.shell(label, shlex.join([name, *arguments]))

    def shell(self, label: str, line: str) -> None:
        """Run a line of shell with the server's programs; note how long it took."""
        started = time.monotonic()
        command = ["bash", "-euo", "pipefail", "-c", line]
        subprocess.run(command, env=self.environ(), check=True, cwd=self.directory)
        self.seconds[label].append(time.monotonic() - started)

    def python(self, label: str, *arguments: str) -> dict[str, float]:
        """Run a measured process; its start-up does not count."""
        command = [sys.executable, "-m", "benchmarks.backup.measured", *arguments]
        done = subprocess.run(
            command, env=self.environ(), cwd=ROOT, check=True, stdout=subprocess.PIPE
        )
        found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
        self.seconds[label].append(found["seconds"])
        self.peaks[label] = max(found["peak_mb"], self.peaks.get(label, 0.0))
        return found

    def settle(self) -> None:
        """Let nobody pay for the WAL and the files that another has left."""
        with self.server.connect() as connection:
            connection.execute("CHECKPOINT")
        os.sync()

    def environ(self) -> dict[str, str]:
        params = self.server.params
        ops = {
            "BACKUP_DIR": str(self.directory / "backups"),
            "STATE_DIR": str(self.directory / "state"),
            "PG_BIN": [str(self.client)],
        }
        return {
            **os.environ,
            "PATH": f"{self.client}:{self.server.programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(self.packages),
            "DATABASE_URL": self.server.url,
            "DJANGO_SETTINGS_MODULE": "benchmarks.backup.settings",
            "OPS": json.dumps(ops),
            "PGHOST": params["host"],
            "PGPORT": str(params["port"]),
            "PGUSER": params["user"],
            "PGDATABASE": params["dbname"],
        }


def dbbackup_packages(directory: Path) -> Path:
    """Install the locked django-dbbackup beside, unless it is there."""
    packages = directory / "packages"
    if importlib.util.find_spec("dbbackup") is None:
        lock = (ROOT / "requirements-bench.txt").read_text()
        found = re.search(r"^django-dbbackup==(?:.*\n)(?:    .*\n)*", lock, re.M)
        assert found
        wanted = directory / "dbbackup.txt"
        wanted.write_text(found[0])
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps"]
        subprocess.run(
            [*pip, "--require-hashes", "--target", packages, "-r", wanted], check=True
        )
    return packages


def measure(bench: Bench, rounds: int) -> None:
    """Every way in turn, in each second round the other way round."""
    ways = [
        bare_dump,
        *(partial(ours, level=level) for level in LEVELS),
        floors,
        bare_restore,
        lambda b: b.python("django-dbbackup", "dbbackup", "-"),
    ]
    bare_dump(bench)  # for the first restore; and it warms the caches
    bench.seconds.clear()
    for number in range(rounds):
        for way in ways if number % 2 == 0 else reversed(ways):
            bench.settle()
            way(bench)
    bench.python("ours, ready copy", "ready", "-")
    bench.python("restore from the ready copy", "restore", "ready")


def bare_dump(bench: Bench) -> None:
    """It flushes its file itself, as ours does."""
    (bench.directory / "bare.dump").unlink(missing_ok=True)
    bench.program(BARE, *dump_command(bench), "-f", "bare.dump")


def ours(bench: Bench, level: str) -> None:
    found = bench.python(f"ours, {level}", "backup", level)
    if level == "restored":
        bench.proofs.append(found["proof"])
    shutil.rmtree(bench.directory / "backups")


def floors(bench: Bench) -> None:
    """What ours do at once, by the shell: more than this cannot be saved."""
    dump = shlex.join(dump_command(bench))
    bench.shell("shell: hashed", f"{dump} | tee x | sha256sum >hash; sync x; rm x")
    decoded = f"{dump} | tee x >(sha256sum >hash) | {DECODE}"
    bench.shell("shell: hashed, decoded", f"{decoded}; sync x; rm x")
    query = shlex.quote("; ".join(count_queries(bench)))
    counted = f"psql -qAtc {query} >counts & {decoded}; wait"
    bench.shell("shell: hashed, decoded, counted", f"{counted}; sync x; rm x")


def dump_command(bench: Bench) -> list[str]:
    statistics = ["--statistics"] if bench.server.major >= 18 else []
    return ["pg_dump", "-Fc", f"--compress={bench.compression}", *statistics]


def bare_restore(bench: Bench) -> None:
    """With the counts, and with the database that has to be made and dropped."""
    bench.program("createdb", "createdb", "-T", "template0", "bare")
    bench.program("pg_restore -j2", "pg_restore", "-j2", "-d", "bare", "bare.dump")
    with bench.server.connect(dbname="bare") as connection:
        queries = count_queries(bench)
        started = time.monotonic()
        for query in queries:
            connection.execute(query.encode())
        bench.seconds["the counts"].append(time.monotonic() - started)
    bench.program("dropdb", "dropdb", "bare")


def count_queries(bench: Bench) -> list[str]:
    with bench.server.connect() as connection:
        return [query for (query,) in connection.execute(TABLES).fetchall()]


def measure_swap(bench: Bench, rounds: int) -> tuple[list[float], list[float]]:
    """Restore under reconnecting clients: outages here, and the worst client's gap."""
    outages, gaps = [], []
    for _ in range(rounds):
        bench.python("ours, decoded", "backup", "decoded")
        stop, worst = threading.Event(), [0.0] * CLIENTS
        threads = [
            threading.Thread(target=client, args=(bench.server, stop, worst, i))
            for i in range(CLIENTS)
        ]
        for thread in threads:
            thread.start()
        outages.append(bench.python("restore", "restore", "-")["outage"])
        stop.set()
        for thread in threads:
            thread.join()
        gaps.append(max(worst))
    return outages, gaps


def client(
    server: OwnServer, stop: threading.Event, worst: list[float], number: int
) -> None:
    """Query, ten times a second, reconnecting; note the longest time without one."""
    last = time.monotonic()
    while not stop.is_set():
        try:
            with server.connect() as connection:
                while not stop.is_set():
                    connection.execute("SELECT count(*) FROM pgbench_branches")
                    now = time.monotonic()
                    worst[number] = max(worst[number], now - last - 0.1)
                    last = now
                    stop.wait(0.1)
        except psycopg.OperationalError:
            stop.wait(0.01)


def write(bench: Bench, size: int, rounds: int, swaps: Any) -> None:
    bare = statistics.median(bench.seconds[BARE])
    lines = [
        f"## {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, commit {commit()}",
        "",
        f"PostgreSQL {bench.server.major}, {size / 1e9:.2f} GB, {rounds} rounds, "
        f"{bench.compression}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} "
        "at the end.",
        "",
        "| | median s | fastest s | times bare pg_dump: medians | round by round | "
        "peak MB |",
        "|---|---|---|---|---|---|",
    ]
    for label, seconds in bench.seconds.items():
        median = statistics.median(seconds)
        peak = f"{bench.peaks[label]:.0f}" if label in bench.peaks else ""
        pairs = zip(seconds, bench.seconds[BARE], strict=False)
        each = statistics.median(s / b for s, b in pairs)
        lines.append(
            f"| {label} | {median:.2f} | {min(seconds):.2f} | {median / bare:.2f} | "
            f"{each:.2f} | {peak} |"
        )
    outages, gaps = swaps
    plain = median_of(bench, "pg_restore -j2", "the counts")
    whole = plain + median_of(bench, "createdb", "dropdb")
    proof = statistics.median(bench.proofs)
    lines += [
        "",
        f"The proof by restore alone: {proof:.2f} s, {proof / plain:.2f} times bare "
        f"pg_restore -j2 and the counts, {proof / whole:.2f} times with the createdb "
        "and dropdb that both need.",
        "",
        f"Swap with {CLIENTS} reconnecting clients: {statistics.median(outages):.3f} s "
        f"at the coordinator (worst {max(outages):.3f}), worst client's gap "
        f"{max(gaps):.3f} s.",
        "",
    ]
    text = "\n".join(lines)
    print(text)
    with RESULTS.open("a") as file:
        file.write(text + "\n")


def median_of(bench: Bench, *labels: str) -> float:
    return sum(statistics.median(bench.seconds[label]) for label in labels)


def commit() -> str:
    command = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.check_output(command, cwd=ROOT, text=True).strip()


def fill(bench: Bench, size: float) -> int:
    """Fill the database with so many gigabytes; return its bytes."""
    scale = max(1, round(size * SCALE))
    pgbench = [bench.server.programs / "pgbench", "-q", "-i", "-s", str(scale)]
    subprocess.run(pgbench, env=bench.environ(), check=True, capture_output=True)
    with bench.server.connect() as connection:
        connection.execute(SEED % int(size * ROWS))
        connection.execute("VACUUM ANALYZE")
        row = connection.execute("SELECT pg_database_size(current_database())")
        return int(row.fetchone()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=float, default=0.2, help="gigabytes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--client", type=Path, help="of pg_dump and pg_restore")
    options = parser.parse_args()
    server = OwnServer.make(settings={"fsync": "on", "max_wal_size": "4GB"})
    directory = Path(tempfile.mkdtemp(prefix="bench-backup-"))
    try:
        bench = Bench(server, directory, options.client or server.programs)
        bench.python("prepare", "prepare", "-")
        size = fill(bench, options.size)
        measure(bench, options.rounds)
        swaps = measure_swap(bench, 3)
        write(bench, size, options.rounds, swaps)
    finally:
        server.remove()
        shutil.rmtree(directory)


if __name__ == "__main__":
    main()
