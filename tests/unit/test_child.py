"""What a process that may reach a shadow only makes of the project's settings."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from migrationops.shadow import child
from migrationops.shadow.child import Instructions
from migrationops.shadow.isolation import Isolation

SHADOW = {"host": "/run/shadow", "port": 5433, "dbname": "s", "sslmode": "disable"}


def instructions(task: str = "", **aliases: bool) -> Instructions:
    return Instructions(
        task=task, alias="default", shadow=SHADOW, aliases=aliases, migrations=[]
    )


def redirected(**options: Any) -> dict[str, Any]:
    default = {"NAME": "live", "HOST": "db", "USER": "app", "OPTIONS": options}
    settings = SimpleNamespace(DATABASES={"default": default})
    child.redirect(settings, instructions(default=True))
    database: dict[str, Any] = settings.DATABASES["default"]
    return database


def test_the_shadow_is_reached_as_it_is_and_not_as_the_live_database() -> None:
    database = redirected(service="live", sslmode="verify-full", pool=True)

    assert (database["NAME"], database["HOST"]) == ("s", "/run/shadow")
    assert (database["PORT"], database["USER"]) == ("5433", "")
    assert database["OPTIONS"] == {"sslmode": "disable"}


def test_the_session_is_that_of_the_live_database() -> None:
    session = {"options": "-c search_path=shop", "assume_role": "owner"}

    assert redirected(**session)["OPTIONS"] == {**session, "sslmode": "disable"}


def leave(_instructions: Instructions, _isolation: Isolation) -> None:
    sys.exit("not today")


def test_a_task_that_leaves_is_an_error_like_any(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(child, "redirect", lambda *_: None)

    outcome = child._attempt(instructions(f"{__name__}:leave"), Isolation(database="s"))

    assert outcome == {"error": "SystemExit: not today"}
