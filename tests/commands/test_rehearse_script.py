from __future__ import annotations

import json

import pytest


@pytest.fixture
def files(tmp_path):
    schema = tmp_path / "schema.sql"
    schema.write_text("create table t (a int); insert into t values (1);")
    script = tmp_path / "script.sql"
    text = "alter table t add b int; alter table t alter a set not null;"
    script.write_text(text, encoding="utf-8-sig")  # as some editors write it
    return ["--sql", str(script), "--schema", str(schema)]


def test_a_script_is_measured_statement_by_statement(shop, files):
    report = json.loads(shop.succeed("rehearse", *files, "--json"))

    first, second = report["statements"]
    assert report["version"] == 1
    assert {k: first[k] for k in ("index", "error", "locks", "blocks")} == {
        "index": 0,
        "error": None,
        "locks": {"public.t": "AX"},
        "blocks": False,
    }
    assert second["scanned"] == ["public.t"]
    assert second["blocks"] is True


def test_outside_a_transaction_no_lock_is_kept(shop, files):
    table = shop.succeed("rehearse", *files, "--no-transaction")

    assert table.count("public.t:AX") == 2


def test_a_file_that_is_not_there_is_refused(shop, files):
    done = shop.run("rehearse", "--sql", "nowhere.sql", *files[2:])

    assert done.returncode == 3
    assert "nowhere.sql" in done.stderr
