"""Bad input: named, with the remedy and a documented exit code; nothing changed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from config.embedded import DEFAULT_MAJOR, programs
from tests.outcome import refused, unchanged
from tests.shop import ADD_PRICE, Shop

NO_BACKUP = {"POLICY": {"backup": "none"}}
MAJOR = int(os.environ.get("PG", DEFAULT_MAJOR))


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop at its first migration, with a second one pending."""
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    return opened_shop


def test_unknown_names(ready: Shop) -> None:
    cases = {
        "nosuchapp": (3, "App 'nosuchapp' is not installed", "manage.py showmigr"),
        "shop 0009": (3, "no migration that starts with '0009'", "manage.py showmigr"),
        "shop zero": (3, "only moves forward", "Write a migration"),
        "--database other": (1, "no database alias 'other'", "Name one of"),
        "--database lite": (1, "'lite' is sqlite; only PostgreSQL", "Name an alias"),
        "--policy test": (3, "laxer", "Leave --policy out"),
    }

    with unchanged(ready):
        results = ready.run_each(*(["safe_migrate", *c.split()] for c in cases))

    for done, (code, text, next_) in zip(results, cases.values(), strict=True):
        refused(done, code, text, "othing was changed", next_=next_)


def test_wrong_usage(ready: Shop) -> None:
    commands = (
        ["safe_migrate", "--nosuch"],
        ["safe_migrate", "--policy", "nosuch"],
        ["seed"],
        ["backup", "--jobs", "0"],
        ["backup", "--wait", "nan"],
        ["backups", "expire", "--last", "-1"],
    )

    with unchanged(ready):
        results = ready.run_each(*commands)

    for done in results:
        assert done.returncode == 2
        assert "usage:" in done.stderr


def test_an_empty_variable_is_neither_the_live_database_nor_the_newest_backup(
    ready: Shop,
) -> None:
    ready.succeed("backup")
    oid = "SELECT oid FROM pg_database WHERE datname = current_database()"
    live = ready.query(oid)

    beside, newest, each, one = ready.run_each(
        ["restore", "--no-input", "--into", ""],
        ["restore", "--no-input", ""],
        ["backups", "verify", ""],
        ["backups", "expire", "backup-1"],
    )

    assert (beside.returncode, one.returncode) == (2, 2), beside.stderr + one.stderr
    assert "takes no backup (backup-1)" in one.stderr
    for done in (newest, each):
        refused(done, 3, "'' is not the name of a backup", next_="See: manage.py")
    assert ready.query(oid) == live


def test_bad_input_makes_no_table_of_ours_on_a_new_database(shop: Shop) -> None:
    done = shop.run("safe_migrate", "nosuchapp")

    refused(done, 3, "not installed")
    assert shop.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == [
        (0,)
    ]


def test_two_leaves(ready: Shop) -> None:
    ready.add("0002_expand_other", after="0001_expand_item")

    with unchanged(ready):
        done = ready.run("safe_migrate", "--json")

    refused(done, 3, "0002_expand_other, 0002_expand_price", next_="manage.py makemig")
    error = json.loads(done.stdout)
    assert (error["version"], error["exit_code"]) == (1, 3)
    assert error["error"]["type"] == "PreconditionError"
    assert error["error"]["remedy"] == "manage.py makemigrations --merge"


def test_a_migration_that_cannot_be_imported(ready: Shop) -> None:
    ready.write("0003_expand_typo", "from django.db import migratoins\n")

    with unchanged(ready):
        done = ready.run("safe_migrate")

    refused(done, 3, "migratoins", "shop_migrations/0003_expand_typo.py, line 1")


def test_a_parent_that_is_not_there(ready: Shop) -> None:
    ready.add("0003_expand_orphan", after="0002_expand_lost")

    with unchanged(ready):
        done = ready.run("safe_migrate")

    refused(done, 3, "0002_expand_lost", "othing was changed")


@pytest.mark.parametrize(
    "command",
    [
        ("restore",),
        ("seed", "--env", "development", "--flush"),
        ("stamp_environment", "--env", "development"),
    ],
)
def test_nobody_is_there_to_be_asked(ready: Shop, command: tuple[str, ...]) -> None:
    ready.succeed("backup")
    ready.ops["SEEDS"] = {"clear": "builtins.repr"}

    with unchanged(ready):
        done = ready.run(*command)

    refused(done, 3, "Nobody answered; nothing was changed.", next_="Type the name")


def test_nobody_is_asked_about_what_is_refused_anyway(ready: Shop) -> None:
    done = ready.run("restore", "../../etc/passwd")

    refused(done, 3, "../../etc/passwd", next_="See: manage.py backups list")
    assert "Type the name" not in done.stderr


def test_a_server_that_is_not_there(ready: Shop) -> None:
    ready.variables["DATABASE_URL"] = "postgres://u:topsecret@127.0.0.1:1/nowhere"

    done = ready.run("safe_migrate")

    refused(done, 1, "cannot be reached", "nothing was changed", next_="Check")
    assert "topsecret" not in done.stdout + done.stderr


def test_a_database_that_is_not_there(ready: Shop) -> None:
    name = str(ready.params["dbname"])
    ready.variables["DATABASE_URL"] = ready.url.replace(name, f"{name}_not")

    done = ready.run("safe_migrate")

    refused(done, 1, f'"{name}_not" does not exist', "nothing was changed")


def test_no_client_program_of_the_servers_major(ready: Shop, tmp_path: Path) -> None:
    other = programs.directories()[18 if MAJOR == 16 else 16]
    ready.variables["PATH"] = str(tmp_path)

    with unchanged(ready):
        done = ready.run("safe_migrate", PG_BIN=[str(other)])

    refused(
        done,
        3,
        f"The server is PostgreSQL {MAJOR}",
        f"in {other}",
        next_=f"Install postgresql-client-{MAJOR}",
    )


def test_a_backup_directory_that_cannot_be_made(ready: Shop, tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()

    with unchanged(ready):
        done = ready.run("safe_migrate", BACKUP_DIR=str(tmp_path / "file" / "backups"))

    refused(done, 3, f"{tmp_path}/file/backups", "othing was changed")


def test_settings_without_migrationops(ready: Shop) -> None:
    ready.variables["OPS"] = "null"

    done = ready.run("safe_migrate")

    assert done.returncode == 1
    assert "MIGRATIONOPS = {" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_key(ready: Shop) -> None:
    with unchanged(ready):
        done = ready.run("safe_migrate", BACKUPDIR="/x")

    refused(done, 1, "BACKUPDIR is not a key", next_="Correct the settings")


def test_a_state_directory_that_cannot_be_made(ready: Shop, tmp_path: Path) -> None:
    tmp_path.joinpath("file").touch()

    with unchanged(ready):
        done = ready.run("safe_migrate", STATE_DIR=str(tmp_path / "file" / "state"))

    refused(done, 3, f"{tmp_path}/file/state", "othing was changed", next_="Make it")
    assert ready.query(
        "SELECT count(*) FROM migrationops_run WHERE state = 'open'"
    ) == [(0,)]
