"""What `restore` prints when it is done."""

from __future__ import annotations

import json
from dataclasses import replace

from migrationops.backups.losses import Losses, TableLoss
from migrationops.management.backup_reports import restore_text
from migrationops.workflows.restored import Report

REPORT = Report(database="shop", backup="backup-1", rows=3, seconds=2.0, kept="shop_1")


def strictly(report: Report) -> dict[str, object]:
    """Return its JSON, as the history's jsonb and jq read it."""
    found = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert isinstance(found, dict)
    return found


def test_an_answer_to_commit_that_was_lost_is_no_number() -> None:
    report = replace(REPORT, outage=None)
    assert "a time that is not known" in restore_text(report)
    assert strictly(report)["outage"] is None


def test_losses_are_a_number_or_unknown_in_both() -> None:
    known = Losses(
        tables=(TableLoss(table="a", at_most=2), TableLoss(table="b", at_most=3))
    )
    unknown = Losses(tables=(TableLoss(table="*", at_most=None, why="reset"),))
    for losses, text, value in (
        (Losses(), "at most 0 rows", 0),
        (known, "at most 5 rows", 5),
        (unknown, "an unknown number of rows", None),
    ):
        report = replace(REPORT, losses=losses)
        assert text in restore_text(report)
        found = strictly(report)["losses"]
        assert isinstance(found, dict)
        assert found["at_most"] == value
