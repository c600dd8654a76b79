"""lint_migrations as an operator meets it: real processes on a real server."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.shop import Shop

DROP = 'migrations.RemoveField("item", "name")'
FIRST = "0001_expand_item"
# As projects write them: without reduces_to_sql = False.
RENAME_ROWS = """
from django.db import connection, transaction
from django.db.migrations.operations.base import Operation


class RenameRows(Operation):
    reversible = False

    def state_forwards(self, app_label, state):
        pass

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        item = from_state.apps.get_model("shop", "Item")
        item.objects.using(schema_editor.connection.alias).update(name="ours")


class RenameByCursor(RenameRows):
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE shop_item SET name = 'ours'")
"""


@pytest.fixture
def dropping(opened_shop: Shop) -> Shop:
    """Return a shop with rows, and a pending migration that drops a column."""
    opened_shop.execute(
        "INSERT INTO shop_item (name) SELECT 'x' FROM generate_series(1, 20000); "
        "ANALYZE shop_item"
    )
    opened_shop.add("0002_expand_drop", DROP, after=FIRST)
    return opened_shop


def lint(shop: Shop, *arguments: str, returncode: int, **ops: Any) -> dict[str, Any]:
    done = shop.run("lint_migrations", *arguments, "--json", **ops)
    assert done.returncode == returncode, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def rules(report: dict[str, Any]) -> set[str]:
    return {finding["rule"] for finding in report["findings"]}


def test_what_is_pending_is_judged_by_live_facts(dropping: Shop) -> None:
    report = lint(dropping, "--pending", returncode=3)

    assert {"drop-column", "destructive-with-rows"} <= rules(report)
    assert report["migrations"] == [
        {"app": "shop", "name": "0002_expand_drop", "verdict": "dangerous"}
    ]
    assert report["unknown"] == []
    (found,) = [f for f in report["findings"] if f["rule"] == "destructive-with-rows"]
    assert "20,000 rows" in found["message"]
    assert set(found) == {
        "rule",
        "severity",
        "app",
        "migration",
        "operation",
        "table",
        "message",
        "remedy",
        "sql",
    }


def test_an_empty_table_is_safe(opened_shop: Shop) -> None:
    opened_shop.add("0002_expand_drop", DROP, after=FIRST)
    opened_shop.execute(
        "INSERT INTO django_migrations (app, name, applied) "
        "SELECT 'other', '0001', now()"
    )
    opened_shop.execute("CREATE TABLE filled AS SELECT 1 AS a")

    report = lint(opened_shop, "--pending", returncode=0)

    assert report["migrations"][0]["verdict"] == "safe"


def test_a_table_of_the_plan_is_safe_whatever_fills_it(opened_shop: Shop) -> None:
    opened_shop.add(
        "0002_expand_note",
        'migrations.CreateModel("Note", [("id", models.BigAutoField(primary_key=True)),'
        ' ("text", models.TextField())])',
        after=FIRST,
    )
    opened_shop.add(
        "0003_backfill_note",
        "migrations.RunPython(migrations.RunPython.noop, migrations.RunPython.noop)",
        after="0002_expand_note",
    )
    opened_shop.add(
        "0004_expand_note_index",
        'migrations.AddIndex("note", models.Index(fields=["text"], name="note_text"))',
        after="0003_backfill_note",
    )

    report = lint(opened_shop, "--pending", returncode=0)

    (found,) = [f for f in report["findings"] if f["rule"] == "create-index-blocking"]
    assert found["severity"] == "safe"
    assert "new in this plan" in found["message"]


def test_without_a_database_the_facts_that_lack_are_named(dropping: Shop) -> None:
    report = lint(dropping, "--no-database", "shop", returncode=3)

    assert "the number of rows of each table" in report["unknown"]
    assert [m["name"] for m in report["migrations"]] == [FIRST, "0002_expand_drop"]


def test_a_server_that_is_gone_is_no_database(dropping: Shop) -> None:
    dropping.variables["DATABASE_URL"] = "postgres://x@localhost:1/x"

    report = lint(dropping, "shop", returncode=3)

    assert "the live schema" in report["unknown"]


def test_every_migration_is_a_release_of_its_own(dropping: Shop) -> None:
    report = lint(dropping, "shop", "0002", returncode=3)

    assert {m["name"] for m in report["migrations"]} == {"0002_expand_drop"}
    assert "drop-column" in rules(report)


def test_a_reason_suppresses_and_is_counted(dropping: Shop) -> None:
    reasons = {"drop-column": "nobody reads it", "destructive-with-rows": "copied"}
    extra = f"\n    lint_ignore = {reasons}\n"
    path = dropping.migrations / "0002_expand_drop.py"
    path.write_text(path.read_text() + extra)

    report = lint(dropping, "--pending", returncode=0)

    assert not {"drop-column", "destructive-with-rows"} & rules(report)
    assert {s["reason"] for s in report["suppressed"]} == set(reasons.values())
    assert "suppressed" in dropping.succeed("lint_migrations", "--pending")


def test_without_a_reason_nothing_is_suppressed(dropping: Shop) -> None:
    path = dropping.migrations / "0002_expand_drop.py"
    path.write_text(path.read_text() + '\n    lint_ignore = {"drop-column": " "}\n')

    assert "drop-column" in rules(lint(dropping, "--pending", returncode=3))


def test_the_marker_of_django_migration_linter_still_works(dropping: Shop) -> None:
    marker = (
        "class IgnoreMigration(migrations.RunSQL):\n"
        "    def __init__(self):\n"
        "        super().__init__('SELECT 1', '')\n"
    )
    dropping.add(
        "0002_expand_drop", "IgnoreMigration()", DROP, after=FIRST, extra=marker
    )

    assert lint(dropping, "--pending", returncode=0)["findings"] == []


def test_a_baseline_leaves_only_what_is_new(dropping: Shop, tmp_path: Path) -> None:
    path = str(tmp_path / "baseline.json")
    dropping.succeed("lint_migrations", "--pending", "--write-baseline", path)

    report = lint(dropping, "--pending", "--baseline", path, returncode=0)

    assert report["findings"] == []
    assert report["baselined"] > 0


def test_a_broken_baseline_is_an_error(dropping: Shop, tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("[]")

    done = dropping.run("lint_migrations", "--baseline", str(tmp_path / "b.json"))

    assert done.returncode == 1
    assert "--write-baseline" in done.stderr


def test_sarif_and_github_say_the_same(dropping: Shop) -> None:
    sarif = dropping.run("lint_migrations", "--pending", "--format", "sarif")
    github = dropping.run("lint_migrations", "--pending", "--format", "github")

    (run,) = json.loads(sarif.stdout)["runs"]
    described = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    assert {r["ruleId"] for r in run["results"]} == described
    assert "::error title=drop-column::shop.0002_expand_drop: " in github.stdout
    assert sarif.returncode == github.returncode == 3


def test_since_takes_what_git_says_has_changed(dropping: Shop) -> None:
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@y"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *command], cwd=dropping.directory, check=True)
    dropping.add(
        "0003_expand_more",
        'migrations.RunSQL("SELECT 1", "")',
        after="0002_expand_drop",
    )

    report = lint(dropping, "--since", "HEAD", returncode=0)

    assert [m["name"] for m in report["migrations"]] == ["0003_expand_more"]


def test_an_unknown_revision_is_refused(dropping: Shop) -> None:
    subprocess.run(["git", "init", "-q"], cwd=dropping.directory, check=True)

    done = dropping.run("lint_migrations", "--since", "nowhere")

    assert done.returncode == 3
    assert "nowhere" in done.stderr


@pytest.mark.parametrize("operation", ["RenameRows()", "RenameByCursor()"])
def test_an_operation_that_writes_by_itself_reaches_no_database(
    opened_shop: Shop, operation: str
) -> None:
    opened_shop.execute("INSERT INTO shop_item (name) VALUES ('theirs')")
    opened_shop.add("0002_backfill_x", operation, after=FIRST, extra=RENAME_ROWS)

    report = lint(opened_shop, "--pending", returncode=0)

    assert opened_shop.query("SELECT name FROM shop_item") == [("theirs",)]
    assert rules(report) == {"irreversible-migration", "unanalysable-sql"}
    assert "speaks to a database by itself" in report["findings"][1]["message"]


def test_a_rule_of_the_projects_own(dropping: Shop) -> None:
    (dropping.directory / "ourrules.py").write_text(
        "from migrationops.lint.finding import Severity\n"
        "from migrationops.lint.rule import Hit, StatementRule\n\n\n"
        "class Ours(StatementRule):\n"
        "    id = 'ours'\n    title = problem = remedy = source = 'x'\n\n"
        "    def check(self, step):\n"
        "        yield Hit(severity=Severity.CAREFUL, message='seen')\n"
    )

    report = lint(
        dropping,
        "--pending",
        returncode=0,
        LINT={
            "RULES": ["ourrules.Ours"],
            "EXCLUDE": ["drop-column", "destructive-with-rows"],
        },
    )

    assert "ours" in rules(report)
    assert "drop-column" not in rules(report)


def test_a_rule_that_is_none_is_an_error(dropping: Shop) -> None:
    done = dropping.run("lint_migrations", LINT={"RULES": ["json.dumps"]})

    assert done.returncode == 1
    assert "json.dumps" in done.stderr


@pytest.fixture
def script(tmp_path: Path) -> list[str]:
    (tmp_path / "schema.sql").write_text(
        "create table t (a int); insert into t select generate_series(1, 50);"
    )
    (tmp_path / "script.sql").write_text(
        "alter table t add b int; alter table t alter a set not null;\n"
        "do $$begin null; end$$; this is no sql; drop table missing;"
    )
    schema = str(tmp_path / "schema.sql")
    return ["--sql", str(tmp_path / "script.sql"), "--schema", schema]


def test_a_script_is_read_statement_by_statement(shop: Shop, script: list[str]) -> None:
    report = lint(shop, *script, returncode=0)

    statements = report["statements"]
    assert report["version"] == 1
    assert [s["index"] for s in statements] == [0, 1, 2, 3, 4]
    assert [s["blocks"] for s in statements] == [False, True, False, None, False]
    assert [bool(s["error"]) for s in statements] == [False] * 4 + [True]
    assert "unanalysable-sql" in rules(statements[3])
    assert "set-not-null" in rules(statements[1])


def test_a_script_runs_nothing(shop: Shop, script: list[str]) -> None:
    shop.succeed("lint_migrations", *script)

    assert shop.query("SELECT to_regclass('t') IS NULL") == [(True,)]
    assert shop.query(
        "SELECT count(*) FROM pg_database WHERE starts_with(datname, "
        "current_database() || '_')"
    ) == [(0,)]


def test_a_script_that_is_not_there_is_refused(shop: Shop, script: list[str]) -> None:
    done = shop.run("lint_migrations", "--sql", "nowhere.sql", *script[2:])

    assert done.returncode == 3
    assert "nowhere.sql" in done.stderr
