"""migrationops' own tables: made and upgraded before anything else, under the lock."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pytest
from django.db import migrations, models

from migrationops import migrations as own
from tests.outcome import refused, runner_at_work
from tests.shop import BROKEN, Shop

UPGRADE = """
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("migrationops", "{after}")]
    operations = [migrations.RunSQL("CREATE TABLE migrationops_extra (id int)")]
"""
UPGRADED = "SELECT to_regclass('migrationops_extra') IS NOT NULL"


@pytest.fixture
def upgraded(opened_shop: Shop) -> Shop:
    """Return a shop whose release of migrationops has a migration of its own more."""
    directory = opened_shop.directory / "ops_migrations"
    directory.mkdir()
    for path in Path(own.__path__[0]).glob("*.py"):
        directory.joinpath(path.name).write_text(path.read_text())
    last = sorted(p.stem for p in directory.glob("0*.py"))[-1]
    directory.joinpath("0099_expand_extra.py").write_text(UPGRADE.format(after=last))
    opened_shop.variables["OPS_MIGRATIONS"] = "ops_migrations"
    opened_shop.ops["POLICY"] = {"backup": "none"}
    return opened_shop


def test_an_upgrade_comes_first_and_stays_when_the_rest_fails(upgraded: Shop) -> None:
    upgraded.add("0002_expand_broken", BROKEN, after="0001_expand_item")

    done = upgraded.run("safe_migrate")

    refused(done, 5, "division by zero")
    assert upgraded.query(UPGRADED) == [(True,)]
    assert upgraded.query(
        "SELECT name FROM django_migrations WHERE app = 'migrationops' ORDER BY id"
    )[-1] == ("0099_expand_extra",)


def test_an_upgrade_alone_is_something_to_do(upgraded: Shop) -> None:
    differs = upgraded.run("migration_status", "--check", "--json")
    assert differs.returncode == 4
    assert json.loads(differs.stdout)["version"] == 1  # one object, no second

    upgraded.succeed("safe_migrate")

    assert upgraded.query(UPGRADED) == [(True,)]
    upgraded.succeed("migration_status", "--check")


def test_plan_shows_an_upgrade_and_makes_nothing(upgraded: Shop) -> None:
    assert "migrationops.0099_expand_extra" in upgraded.succeed(
        "safe_migrate", "--plan"
    )

    assert upgraded.query(UPGRADED) == [(False,)]


def test_an_upgrade_waits_for_the_lock(upgraded: Shop) -> None:
    with runner_at_work(upgraded):
        done = upgraded.run("safe_migrate", "--wait", "0")

    refused(done, 3, "another run", "Nothing was changed", next_="Run the same command")
    assert upgraded.query(UPGRADED) == [(False,)]


@pytest.mark.parametrize("name", [m.name for m in iter_modules(own.__path__)])
def test_our_migrations_only_add_and_depend_on_nobody(name: str) -> None:
    migration = import_module(f"migrationops.migrations.{name}").Migration

    assert name[5:].startswith("expand_")
    assert {app for app, _ in migration.dependencies} <= {"migrationops"}
    assert not migration.run_before
    for operation in migration.operations:
        assert not isinstance(operation, migrations.RunPython)
        for _, field in getattr(operation, "fields", []):
            if isinstance(field, models.ForeignKey):
                assert field.remote_field.model.startswith("migrationops.")
