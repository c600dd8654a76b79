"""Fixtures load twice, and leave room for migrations that follow a first set."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from chores.rewards.models import PointEntry
from chores.scenarios import load as scenario
from chores.tasks.models import Chore

FIRST_SET = [
    ("accounts", "0003_expand_token"),
    ("households", "0004_expand_setting"),
    ("tasks", "0003_expand_completion"),
    ("rewards", "0004_expand_ledger_triggers"),
]
APPS = ("accounts.user", "households", "tasks", "rewards", "auth.group")


def load(environment: str) -> None:
    files = sorted(
        path
        for name in ("base", environment)
        for path in (Path(settings.BASE_DIR) / "fixtures" / name).glob("*.json")
    )
    assert files
    call_command("loaddata", *map(str, files), verbosity=0)


def dump() -> str:
    out = io.StringIO()
    call_command("dumpdata", *APPS, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("environment", ["development", "staging"])
def test_loading_twice_changes_nothing(environment: str) -> None:
    load(environment)
    once = dump()
    load(environment)
    assert dump() == once
    assert Chore.objects.filter(next_on__isnull=False).exists()
    assert not PointEntry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_todays_models_seed_the_first_set() -> None:
    MigrationExecutor(connection).migrate(FIRST_SET)
    try:
        load("development")
        tables = connection.introspection.table_names()
        assert "households_notice" not in tables
        assert scenario("development")["tasks_chorecompletion"] > 500
        seeded = Chore.objects.count()
    finally:
        call_command("migrate", verbosity=0)
    assert Chore.objects.count() == seeded > 10
