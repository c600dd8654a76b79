"""The stamp, and the guard of plain commands, on a real server."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from migrationops import stamp
from migrationops.conf import parse
from migrationops.environments import Environment
from migrationops.exceptions import RefusedError, StampError
from migrationops.postgres import databases
from migrationops.workflows import guard

pytestmark = pytest.mark.django_db(transaction=True)


def test_migrate_stamped_the_test_database() -> None:
    with databases.connect("default") as connection:
        standing = stamp.read(connection)

    assert standing.environment is Environment.TEST
    assert standing.has_tables


def test_the_stamp_survives_flush() -> None:
    call_command("flush", interactive=False, verbosity=0)

    with databases.connect("default") as connection:
        assert stamp.read(connection).environment is Environment.TEST


def test_settings_of_another_environment_do_not_fit() -> None:
    conf = parse({"ENVIRONMENT": "production"})

    with pytest.raises(StampError, match="stamped test, the settings say production"):
        stamp.require_environment("default", conf)


def test_another_maintenance_database_is_refused() -> None:
    conf = parse({"ENVIRONMENT": "test", "MAINTENANCE_DB": "elsewhere"})

    with pytest.raises(StampError, match="meet in the database"):
        stamp.require_environment("default", conf)


@pytest.fixture
def production(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the test database count as a real one of production."""
    settings.MIGRATIONOPS = {"ENVIRONMENT": "production"}  # type: ignore[attr-defined]
    monkeypatch.setattr(guard, "is_test_database", lambda alias: False)


@pytest.mark.usefixtures("production")
@pytest.mark.parametrize(
    ("command", "instead"),
    [
        (["migrate"], "safe_migrate"),
        (["flush", "--no-input"], "not emptied"),
        (["loaddata", "x"], "seed"),
    ],
)
def test_plain_commands_are_refused_in_production(
    command: list[str], instead: str
) -> None:
    with pytest.raises((CommandError, RefusedError), match=instead):
        call_command(*command)


@pytest.mark.usefixtures("production")
def test_looking_is_allowed_everywhere() -> None:
    call_command("migrate", plan=True, verbosity=0)


def test_a_test_database_is_recognised() -> None:
    assert guard.is_test_database("default")
