"""Time safe_migrate with nothing to do against Django's migrate with nothing to do.

Whole processes, interleaved in one run on one server of its own:
`python -m benchmarks.noop [--pairs N] [--record]`.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from resource import RUSAGE_CHILDREN

import django
from psycopg.sql import SQL, Identifier

from benchmarks.noop import generated
from tests.server import OwnServer

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).with_name("RESULTS.md")
# Django's own command, past the guard that migrationops puts before it.
MIGRATE = """
import django
django.setup()
from django.core.management.commands.migrate import Command
Command().run_from_argv(["manage.py", "migrate", "-v0"])
"""
SAFE_MIGRATE = """
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "safe_migrate", "-v0"])
"""
PROGRAMS = {
    "setup alone": "import django; django.setup()",
    "migrate": MIGRATE,
    "safe_migrate": SAFE_MIGRATE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds of one process: on the clock, and of processor time."""

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A migrated project: where it lies, and the environment of its commands."""

    name: str
    directory: Path
    environ: Mapping[str, str]
    target: float  # the ratio that is promised

    def cost(self, program: str) -> Cost:
        """Run one process and return what it took."""
        started, before = time.perf_counter(), resource.getrusage(RUSAGE_CHILDREN)
        self.run(PROGRAMS[program])
        wall, after = time.perf_counter() - started, resource.getrusage(RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Cost(wall=wall, cpu=cpu)

    def run(self, source: str) -> None:
        subprocess.run(
            [sys.executable, "-c", source],
            cwd=self.directory,
            env=dict(self.environ),
            stdout=subprocess.DEVNULL,
            check=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--record", action="store_true", help=f"append to {RESULTS}")
    options = parser.parse_args()
    server = OwnServer.make()
    try:
        with tempfile.TemporaryDirectory() as directory:
            projects = [ours(server), many(server, Path(directory))]
            report = describe(server, options.pairs)
            report += "\n".join(row(p, server, options.pairs) for p in projects)
    finally:
        server.remove()
    print(report)
    if options.record:
        with RESULTS.open("a") as file:
            file.write(f"\n{report}\n")


def ours(server: OwnServer) -> Project:
    """Return this project, on a database at its last migration."""
    environ = server.environ(DJANGO_SETTINGS_MODULE="config.settings.development")
    project = Project(name="this project", directory=ROOT, environ=environ, target=1.0)
    project.run(SAFE_MIGRATE)
    return project


def many(server: OwnServer, directory: Path) -> Project:
    """Return a generated project of hundreds of migrations, all applied."""
    generated.write(directory)
    with server.connect() as connection:
        connection.execute(SQL("CREATE DATABASE {}").format(Identifier("many")))
    environ = server.environ(
        DJANGO_SETTINGS_MODULE="settings",
        DATABASE_URL=server.url.replace(f"/{server.dbname}?", "/many?"),
        PYTHONPATH=f"{ROOT}:{directory}",
    )
    project = Project(
        name="generated project", directory=directory, environ=environ, target=0.5
    )
    project.run(SAFE_MIGRATE)
    return project


def describe(server: OwnServer, pairs: int) -> str:
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return (
        f"## {datetime.now(UTC):%Y-%m-%d}, {commit or 'no commit'}\n\n"
        f"Python {platform.python_version()}, Django {django.__version__}, PostgreSQL "
        f"{server.major}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; "
        f"{pairs} pairs, medians of whole processes in seconds; the ratios are "
        "medians of the pairs' ratios.\n\n"
        "| project | migrations | setup alone | migrate | safe_migrate | ratio "
        "| of processor time | target |\n"
        "| --- | --- | --- | --- | --- | --- | --- | --- |\n"
    )


def row(project: Project, server: OwnServer, pairs: int) -> str:
    """Time a project's programs, one after the other in every round."""
    for program in PROGRAMS:
        project.cost(program)  # compiles what is imported
    rounds = [{p: project.cost(p) for p in PROGRAMS} for _ in range(pairs)]
    times = [f"{statistics.median(r[p].wall for r in rounds):.2f}" for p in PROGRAMS]
    pairs_of = [(r["safe_migrate"], r["migrate"]) for r in rounds]
    ratios = [
        statistics.median(ours.wall / theirs.wall for ours, theirs in pairs_of),
        statistics.median(ours.cpu / theirs.cpu for ours, theirs in pairs_of),
    ]
    cells = [project.name, str(applied(project, server)), *times]
    cells += [*(f"{ratio:.2f}" for ratio in ratios), f"≤ {project.target}"]
    return f"| {' | '.join(cells)} |"


def applied(project: Project, server: OwnServer) -> int:
    dbname = "many" if "many" in project.environ["DATABASE_URL"] else server.dbname
    with server.connect(dbname=dbname) as connection:
        found = connection.execute("SELECT count(*) FROM django_migrations").fetchone()
    assert found is not None
    return int(found[0])


if __name__ == "__main__":
    main()
