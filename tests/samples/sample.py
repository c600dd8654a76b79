"""A bad and a good migration for a rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import migrations
from django.db.migrations.operations.base import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the rule must find, and what it must not.

    `setup` is SQL that both start from; `fails` is the SQLSTATE with which the bad
    one ends on a real server, blank when it merely harms.
    """

    bad: Sequence[Operation]
    good: Sequence[Operation] = ()
    setup: str = ""
    bad_atomic: bool = True
    good_atomic: bool = True
    fails: str = ""
    bad_name: str = "0002_expand_bad"
    good_name: str = "0002_expand_good"
    runs: bool = True  # False: not on a shared server, or not on this version
    least: int = 15  # the oldest major that has the syntax
    bad_script: str = ""  # read as a raw script instead
    good_script: str = ""
    version: int = 0  # a server_version_num to pretend


def sql(
    *statements: str, reverse: str | None = migrations.RunSQL.noop
) -> list[Operation]:
    """Return each statement as an operation."""
    return [migrations.RunSQL(s, reverse) for s in statements]
