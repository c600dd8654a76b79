from __future__ import annotations

import pytest
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import models
from django.db.migrations import operations as ops
from django.db.migrations.operations.base import Operation

from migrationops.additive import is_additive

INDEX = models.Index(fields=["a"], name="a")


@pytest.mark.parametrize(
    "operation",
    [
        ops.CreateModel("M", []),
        ops.AddField("m", "a", models.IntegerField(null=True)),
        ops.AddField("m", "a", models.IntegerField(db_default=0)),
        AddIndexConcurrently("m", INDEX),
        ops.SeparateDatabaseAndState([ops.AddIndex("m", INDEX)], []),
    ],
)
def test_what_only_adds(operation: Operation) -> None:
    assert is_additive(operation)


@pytest.mark.parametrize(
    "operation",
    [
        ops.DeleteModel("M"),
        ops.RemoveField("m", "a"),
        ops.AlterField("m", "a", models.TextField()),
        ops.AddField("m", "a", models.IntegerField(default=0)),
        ops.RunPython(ops.RunPython.noop),
        ops.RunSQL("SELECT 1"),
        ops.SeparateDatabaseAndState([ops.RunSQL("SELECT 1")], []),
    ],
)
def test_what_may_take_something_away(operation: Operation) -> None:
    assert not is_additive(operation)
