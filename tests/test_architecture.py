"""The shape that the project promises to keep."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from operator import itemgetter
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.sources import PACKAGES, ROOT, modules

MODULE_LINES = 250
FUNCTION_LINES = 40
COMMAND_LINES = 60
HANDLE_LINES = 12
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}
PHASE = re.compile(r"\d{4}_(expand|backfill|contract)_[a-z0-9_]+")

# Lines that something may have beyond its budget, and why; none may grow.
ALLOWED = {
    "migrationops/postgres/tools.py": (266, "the only user of subprocess"),
}

CODE = [m for m in modules() if not m.is_migration]
MIGRATIONS = [m for m in modules() if m.is_migration]
COMMANDS = [m for m in CODE if "management/commands/" in m.name]
MODULE_SIZES = {m.name: m.lines for m in CODE}
# The longest of a name stands for its namesakes in the same module.
FUNCTION_SIZES = dict(sorted((f for m in CODE for f in m.functions), key=itemgetter(1)))


def beyond(lines: dict[str, int], budget: int) -> dict[str, int]:
    """Return what has more lines than its budget, or than what it is allowed."""
    return {
        name: count
        for name, count in lines.items()
        if count > ALLOWED.get(name, (budget, ""))[0]
    }


def test_modules_are_short() -> None:
    assert beyond(MODULE_SIZES, MODULE_LINES) == {}


def test_functions_are_short() -> None:
    assert beyond(FUNCTION_SIZES, FUNCTION_LINES) == {}


def test_commands_are_short() -> None:
    assert beyond({m.name: m.lines for m in COMMANDS}, COMMAND_LINES) == {}
    handles = {k: v for k, v in FUNCTION_SIZES.items() if k.endswith(":handle")}
    assert beyond(handles, HANDLE_LINES) == {}


def budget(name: str) -> int:
    if name.endswith(":handle"):
        return HANDLE_LINES
    if ":" in name:
        return FUNCTION_LINES
    return COMMAND_LINES if "management/commands/" in name else MODULE_LINES


def test_what_is_allowed_more_still_needs_it() -> None:
    sizes = MODULE_SIZES | FUNCTION_SIZES

    assert [name for name in ALLOWED if sizes.get(name, 0) <= budget(name)] == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [m.name for m in modules(*PACKAGES, "tests") if m.path.stem in VAGUE] == []


def test_a_migration_names_its_phase() -> None:
    unnamed = [m.name for m in MIGRATIONS if not PHASE.fullmatch(m.path.stem)]

    assert unnamed == [], "000N_<phase>_<what>; phases: expand, backfill, contract"


def test_a_migration_says_why_it_is_there() -> None:
    assert [m.name for m in MIGRATIONS if not ast.get_docstring(m.tree)] == []


def our_commands() -> list[str]:
    return sorted(
        name
        for name, app in get_commands().items()
        if app.split(".")[0] in ("chores", "migrationops")
    )


def test_every_file_of_a_command_is_a_command() -> None:
    files = {m.path.stem for m in COMMANDS} - {"__init__"}

    assert set(our_commands()) == files


@pytest.mark.parametrize("name", our_commands())
def test_a_command_has_help(name: str) -> None:
    command = load_command_class(get_commands()[name], name)
    own = import_module(type(command).__module__)

    assert command.help
    assert "help = " in Path(str(own.__file__)).read_text() or type(command).__doc__


BREACHES = {
    "migrationops/schema.py": "import migrationops.workflows",
    "migrationops/undeclared.py": "",
    "migrationops/environments.py": "import django",
    "migrationops/stamp.py": "import subprocess",
    "migrationops/charts.py": "import chores",
    "chores/tenancy.py": "import config",
}


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what lint-imports says of a copy in which every contract is broken."""
    copy = tmp_path_factory.mktemp("broken")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for package in PACKAGES:
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, copy / package, ignore=ignore)
    for name, line in BREACHES.items():
        with (copy / name).open("a") as file:
            file.write(f"\n{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def lint_imports(directory: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    return subprocess.run(
        [program, "--no-cache"],
        cwd=directory,
        env=environ,
        capture_output=True,
        text=True,
    )


def test_the_layers_hold() -> None:
    done = lint_imports(ROOT)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "complaint",
    [
        "migrationops.schema is not allowed to import migrationops.workflows",
        "migrationops.undeclared",
        "migrationops.environments is not allowed to import django",
        "migrationops.stamp -> subprocess",
        "migrationops.charts -> chores",
        "chores is not allowed to import config",
    ],
)
def test_a_breach_of_the_layers_is_named(complaints: str, complaint: str) -> None:
    assert complaint in complaints


IMPORT_ALL = """
import importlib, pkgutil, django
django.setup()
import migrationops
for module in pkgutil.walk_packages(migrationops.__path__, "migrationops."):
    if module.name != "migrationops.admin":  # the admin itself imports it
        importlib.import_module(module.name)
"""


def test_a_strangers_project_can_import_every_module() -> None:
    """Its settings patch nothing into Django's classes, as ours do for the types."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "tests.project.settings",
            "DATABASE_URL": "postgres://nobody@/nothing",
        },
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
