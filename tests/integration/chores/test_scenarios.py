"""Seeded data obeys what the services obey, and is the same for the same seed."""

from __future__ import annotations

import datetime
import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import call_command
from django.db import connection

from chores.exceptions import NotAllowedError
from chores.households.models import Household
from chores.integrity import missing_keys, tenant_keys
from chores.rewards.models import UserAchievement
from chores.rewards.verification import verify_ledger
from chores.scenarios import clear, load
from chores.tasks.generator import generate
from chores.tasks.models import ChoreCompletion, Occurrence
from tests.factories import ChoreFactory, HouseholdFactory
from tests.integration.chores.invariants import check_all
from tests.sandbox import ALIAS, forget, new_sandbox, register

if TYPE_CHECKING:
    from pathlib import Path

    import pytest_django

    from tests.home import Home

pytestmark = pytest.mark.django_db
TODAY = datetime.date(2026, 6, 15)
STORY = """
SELECT m.name, h.name, e.seq, e.kind, e.amount, e.balance_after, e.day
  FROM rewards_pointentry AS e
  JOIN households_membership AS m ON m.id = e.member_id
  JOIN households_household AS h ON h.id = e.household_id
 ORDER BY h.name, m.name, e.seq
"""


def story() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(STORY)
        return cursor.fetchall()


def test_many_households_obey_every_invariant() -> None:
    loaded = load("staging", scale=3, random_seed=7, today=TODAY)
    assert loaded["households_household"] == 3
    assert loaded.total() > 1000
    for household in Household.objects.all():
        check_all(household)
    assert verify_ledger() == []
    assert UserAchievement.objects.exists()
    assert ChoreCompletion.objects.filter(state="undone").exists()
    connection.check_constraints()


def test_a_household_without_an_admin_gets_no_history() -> None:
    HouseholdFactory()
    assert load("development", today=TODAY).total() == 0


INDEXES = "SELECT indexname, indexdef FROM pg_indexes ORDER BY indexname"
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated
  FROM pg_constraint ORDER BY conrelid::regclass::text, conname
"""


def catalog() -> list[Any]:
    """Return every index and constraint as the database describes it."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        cursor.execute(CONSTRAINTS)
        return indexes + cursor.fetchall()


def test_keys_and_indexes_are_back_after_a_load() -> None:
    before = catalog()
    load("staging", scale=1, today=TODAY)
    assert catalog() == before
    for label in ("accounts", "households", "tasks", "rewards"):
        assert list(missing_keys(connection, tenant_keys(label))) == []


@pytest.mark.faults
def test_the_same_seed_tells_the_same_story_at_once_or_in_pieces() -> None:
    load("staging", scale=2, random_seed=5, today=TODAY)
    first = story()
    assert load("staging", scale=2, random_seed=5, today=TODAY).total() == 0
    clear()
    for scale in (1, 2):
        load("staging", scale=scale, random_seed=5, today=TODAY)
    assert story() == first
    clear()
    load("staging", scale=2, random_seed=6, today=TODAY)
    assert story() != first


def test_ordinary_rows_follow_a_load() -> None:
    load("staging", scale=1, today=TODAY)
    assert ChoreFactory().pk
    made = generate(horizon_days=40).occurrences
    assert made > 0
    load("staging", scale=2, today=TODAY)
    assert verify_ledger() == []


def test_seed_gives_half_a_year_once() -> None:
    def seed() -> dict[str, Any]:
        out = io.StringIO()
        call_command("seed", env="test", json=True, stdout=out, verbosity=0)
        report: dict[str, Any] = json.loads(out.getvalue())
        return report

    made = seed()["generated"]
    assert made["tasks_chorecompletion"] > 500
    for household in Household.objects.all():
        check_all(household)
        assert Occurrence.objects.filter(household=household, status="open").exists()
    call_command("verify_ledger", stdout=io.StringIO())
    again = seed()
    assert (again["generated"], again["seeded"]["created"]) == ({}, {})


@pytest.mark.django_db(transaction=True)
def test_another_alias_is_seeded_and_the_default_left_alone(
    home: Home, tmp_path: Path, django_db_blocker: pytest_django.DjangoDbBlocker
) -> None:
    ChoreFactory(household=home.household, next_on=home.today)
    ours = connection.settings_dict["NAME"]
    register(replace(new_sandbox(tmp_path), name=ours))

    def refuse(_execute: Any, sql: str, *_: Any) -> None:
        pytest.fail(f"on the default alias: {sql}")

    try:
        with django_db_blocker.unblock(), connection.execute_wrapper(refuse):
            made = load("development", alias=ALIAS)
    finally:
        forget()
    assert made["tasks_occurrence"] > 0


def test_other_environments_are_refused() -> None:
    with pytest.raises(NotAllowedError):
        load("production")
