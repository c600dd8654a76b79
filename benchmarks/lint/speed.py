"""Lint a project of 1,000 migrations, ours and django-migration-linter's.

Run from the checkout, in an environment with requirements-bench.txt too:
python -m benchmarks.lint.speed [migrations]
Whole processes are timed; the floor is one that starts Django and loads the graph.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

APPS = 10
RUNS = 3
SETTINGS = """
from config.settings.test import DATABASES, MIGRATIONOPS

SECRET_KEY = "benchmark"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = {apps!r} + [
    "migrationops", "django_migration_linter",
    "django.contrib.auth", "django.contrib.contenttypes",
]
"""
FIRST = """
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    operations = [
        migrations.CreateModel(
            "Item",
            [
                ("id", models.BigAutoField(primary_key=True)),
                ("name", models.CharField(max_length=40)),
            ],
        ),
    ]
"""
NEXT = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [({app!r}, {after!r})]
    operations = [{operation}]
"""
OPERATIONS = (
    'migrations.AddField("item", "f{n}", models.IntegerField(null=True))',
    'migrations.AddIndex("item", models.Index(fields=["name"], name="{app}_i{n}"))',
    'migrations.AlterField("item", "name", models.CharField(max_length={length}))',
    'migrations.RunSQL("SELECT 1", "SELECT 1")',
)
FLOOR = (
    "import django; django.setup();"
    "from django.db.migrations.loader import MigrationLoader; MigrationLoader(None)"
)
LINTERS = {
    "floor": ["-c", FLOOR],
    "ours": ["-m", "django", "lint_migrations", "--no-database", "--json"],
    "django-migration-linter": [
        "-m",
        "django",
        "lintmigrations",
        "--no-cache",
        "--sql-analyser=postgresql",
    ],
}


def write(directory: Path, count: int) -> list[str]:
    """Write the project; return its apps."""
    apps = [f"app{n}" for n in range(APPS)]
    for app in apps:
        migrations = directory / app / "migrations"
        migrations.mkdir(parents=True)
        (directory / app / "__init__.py").touch()
        (directory / app / "models.py").touch()
        (migrations / "__init__.py").touch()
        after = "0001_expand_item"
        (migrations / f"{after}.py").write_text(FIRST)
        for n in range(2, count // APPS + 1):
            operation = OPERATIONS[n % len(OPERATIONS)]
            text = operation.format(n=n, app=app, length=40 + n)
            source = NEXT.format(app=app, after=after, operation=text)
            after = f"{n:04}_expand_step"
            (migrations / f"{after}.py").write_text(source)
    (directory / "bench_settings.py").write_text(SETTINGS.format(apps=apps))
    return apps


def timed(arguments: list[str], directory: Path) -> float:
    """Return the best of some runs of a process, in seconds of its own work."""
    environ = {
        **os.environ,
        "PYTHONPATH": f"{Path.cwd()}:{directory}",
        "DJANGO_SETTINGS_MODULE": "bench_settings",
    }
    best = float("inf")
    for _ in range(RUNS):
        before = os.times()
        started = time.monotonic()
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=directory,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
        )
        wall = time.monotonic() - started
        after = os.times()
        if "Traceback" in done.stderr:
            raise SystemExit(done.stderr)
        used = after.children_user + after.children_system
        used -= before.children_user + before.children_system
        best = min(best, used, wall)
    return best


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        write(directory, count)
        seconds = {label: timed(a, directory) for label, a in LINTERS.items()}
    floor = seconds.pop("floor")
    print(f"{count} migrations; Django and the graph alone: {floor:.2f} s of CPU\n")
    print("| linter | whole process (s) | linting beyond the floor (s) |")
    print("| --- | --- | --- |")
    for label, spent in seconds.items():
        print(f"| {label} | {spent:.2f} | {spent - floor:.2f} |")


if __name__ == "__main__":
    main()
