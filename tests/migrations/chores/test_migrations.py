"""Each migration forwards with data in it, and backwards; the models agree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import IntegrityError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from chores.integrity import missing_keys, missing_triggers, tenant_keys
from chores.rewards.declared import TRIGGERS
from tests.factories import (
    AbsenceFactory,
    ChoreCompletionFactory,
    ChoreParticipantFactory,
    NoticeFactory,
    PointEntryFactory,
    RedemptionFactory,
    SystemSettingFactory,
    UserAchievementFactory,
    VerificationTokenFactory,
)

pytestmark = pytest.mark.django_db(transaction=True)
APPS = ("accounts", "households", "tasks", "rewards")
LOADER = MigrationLoader(None)
MIGRATIONS = [
    key
    for key in LOADER.graph._generate_plan(LOADER.graph.leaf_nodes(), at_end=True)
    if key[0] in APPS
]


@pytest.fixture
def full(transactional_db: None) -> Iterator[None]:
    """A row or more in every table; whatever happens, all is migrated again."""
    for factory in (
        AbsenceFactory,
        ChoreCompletionFactory,
        ChoreParticipantFactory,
        NoticeFactory,
        PointEntryFactory,
        RedemptionFactory,
        SystemSettingFactory,
        UserAchievementFactory,
        VerificationTokenFactory,
    ):
        factory()
    yield
    call_command("migrate", verbosity=0, interactive=False)


def counts() -> dict[str, int]:
    """Return the rows of every table of the application."""
    tables = connection.introspection.table_names()
    found = {}
    with connection.cursor() as cursor:
        for table in tables:
            if table.startswith(APPS):
                name = connection.ops.quote_name(table)
                cursor.execute(f"SELECT count(*) FROM {name}")
                found[table] = cursor.fetchone()[0]
    return found


def before(key: tuple[str, str]) -> list[tuple[str, str | None]]:
    """Return the target at which a migration is not applied."""
    parents = [p for p in LOADER.graph.nodes[key].dependencies if p[0] == key[0]]
    return [parents[0] if parents else (key[0], None)]


def migrate(targets: list[tuple[str, str | None]]) -> None:
    MigrationExecutor(connection).migrate(targets)


def test_each_goes_back_and_forwards_with_data(full: None) -> None:
    """From the last to the first; going back takes along what was just applied."""
    empty = {table for table, rows in counts().items() if not rows}
    assert empty == {"accounts_user_groups", "accounts_user_user_permissions"}
    for key in reversed(MIGRATIONS):
        migrate(before(key))
        left = counts()
        migrate([key])
        again = counts()
        assert {table: again[table] for table in left} == left, key
        assert not any(again[table] for table in set(again) - set(left)), key
    migrate([(app, None) for app in APPS])
    assert counts() == {}


def test_the_models_say_what_the_migrations_make(transactional_db: None) -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)
    for label in APPS:
        assert list(missing_keys(connection, tenant_keys(label))) == []
    assert list(missing_triggers(connection, TRIGGERS)) == []


def test_every_constraint_and_index_of_the_models_exists(
    transactional_db: None,
) -> None:
    with connection.cursor() as cursor:
        for label in APPS:
            for model in apps.get_app_config(label).get_models():
                if model._meta.proxy:
                    continue
                live = connection.introspection.get_constraints(
                    cursor, model._meta.db_table
                )
                wanted = {c.name for c in model._meta.constraints}
                wanted |= {i.name for i in model._meta.indexes}
                assert wanted - set(live) == set()


def test_the_ledger_keeps_its_balances_without_its_triggers(full: None) -> None:
    MigrationExecutor(connection).migrate([("rewards", "0003_expand_ledger")])
    state = MigrationExecutor(connection).loader.project_state(
        [("rewards", "0003_expand_ledger")]
    )
    entries: Any = state.apps.get_model("rewards", "PointEntry")
    entry = entries.objects.get()
    assert (entry.seq, entry.balance_after) == (1, 10)
    call_command("migrate", verbosity=0, interactive=False)
    with pytest.raises(IntegrityError, match="append-only"):
        PointEntryFactory._meta.model.objects.all().delete()
