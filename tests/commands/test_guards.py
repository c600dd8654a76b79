"""Plain commands on protected databases, and settings on the wrong database."""

from __future__ import annotations

import pytest

from tests.outcome import refused, unchanged
from tests.roles import needs_createdb
from tests.shop import ADD_PRICE, Shop

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SIGNING_KEYS": ["0" * 64],
    "BACKUP_DIR_OUTLIVES_HOST": True,
}
A_TEST = """
from django.core.management import call_command
from django.db import connection
from django.test import TransactionTestCase


class Flushed(TransactionTestCase):
    def test_it(self):
        call_command("flush", interactive=False, verbosity=0)
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM shop_item")
"""


@pytest.fixture
def production(opened_shop: Shop) -> Shop:
    """Return a production shop, with a migration pending."""
    opened_shop.ops.update(PRODUCTION)
    opened_shop.execute("UPDATE migrationops_stamp SET environment = 'production'")
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    return opened_shop


def test_plain_commands_are_refused_in_production(production: Shop) -> None:
    remedies = {
        "migrate": "manage.py safe_migrate",
        "migrate shop zero": "manage.py safe_migrate",
        "migrate --fake": "manage.py safe_migrate",
        "flush --no-input": "Nothing replaces it",
        "loaddata items": "manage.py seed",
    }

    with unchanged(production):
        results = production.run_each(*(c.split() for c in remedies))

    for done, next_ in zip(results, remedies.values(), strict=True):
        refused(done, 3, "which is production; nothing was changed", next_=next_)


def test_what_changes_nothing_passes_in_production(production: Shop) -> None:
    with unchanged(production):
        assert "Add field price" in production.succeed("migrate", "--plan")
        assert production.run("migrate", "--check").returncode == 1


def test_development_settings_with_a_production_database(production: Shop) -> None:
    commands = (
        "safe_migrate",
        "safe_migrate --plan",
        "migrate",
        "flush --no-input",
        "loaddata items",
        "backup",
        "backups expire --apply",
        "restore --no-input",
        "seed --env development",
        "resolve_migration shop 0002 --applied",
    )

    with unchanged(production):
        results = production.run_each(
            *(c.split() for c in commands), ENVIRONMENT="development"
        )

    for done in results:
        refused(done, 3, "production", "nothing was changed")


def test_a_production_database_is_not_stamped_as_development(production: Shop) -> None:
    production.ops["ENVIRONMENT"] = "development"
    name = str(production.params["dbname"])

    done = production.run("stamp_environment", "--env", "development", "--name", name)

    refused(done, 3, "stamped production already", "nothing was changed")
    assert production.query("SELECT environment FROM migrationops_stamp") == [
        ("production",)
    ]


@needs_createdb
def test_a_database_of_the_test_runner_is_let_through(production: Shop) -> None:
    production.directory.joinpath("test_it.py").write_text(A_TEST)

    done = production.run("test", "--no-input")

    assert done.returncode == 0, done.stderr
    assert "Ran 1 test" in done.stderr
    assert production.applied() == ["0001_expand_item"]


@needs_createdb
def test_a_name_alone_makes_no_test_database(production: Shop) -> None:
    name = str(production.params["dbname"])
    with production.connect(dbname="postgres") as admin:
        admin.execute(f"ALTER DATABASE {name} RENAME TO test_{name}".encode())
        try:
            production.variables["DATABASE_URL"] = production.url.replace(
                name, f"test_{name}"
            )
            done = production.run("migrate")
        finally:
            admin.execute(f"ALTER DATABASE test_{name} RENAME TO {name}".encode())

    refused(done, 3, "which is production; nothing was changed")
    assert production.applied() == ["0001_expand_item"]


def test_plain_migrate_stamps_a_new_development_database_first(shop: Shop) -> None:
    shop.succeed("migrate")

    rows = shop.query("SELECT app FROM django_migrations ORDER BY id")
    assert rows[0] == ("migrationops",)
    assert ("shop",) in rows
    assert shop.query("SELECT environment FROM migrationops_stamp") == [
        ("development",)
    ]
    assert "Nothing to do" in shop.succeed("safe_migrate")
