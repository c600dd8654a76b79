from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.core.checks import run_checks

from migrationops import checks
from tests.sources import modules

if TYPE_CHECKING:
    import pytest_django.fixtures


def messages() -> list[tuple[str, str]]:
    found = run_checks(app_configs=None)
    return [(m.id, m.msg) for m in found if m.id.startswith("migrationops.")]


@pytest.mark.parametrize(
    ("given", "said"), [(None, "MIGRATIONOPS"), ({}, "ENVIRONMENT is required")]
)
def test_migrationops_e001(
    settings: pytest_django.fixtures.SettingsWrapper,
    given: dict[str, str] | None,
    said: str,
) -> None:
    settings.MIGRATIONOPS = given

    ((code, text),) = messages()

    assert code == "migrationops.E001"
    assert said in text


def test_migrationops_w001(settings: pytest_django.fixtures.SettingsWrapper) -> None:
    own = dict(settings.MIGRATIONOPS)
    settings.MIGRATIONOPS = {**own, "NOTIFY": {"mail": "us"}, "FLEET": {}}

    ((code, text),) = messages()

    assert code == "migrationops.W001"
    assert "NOTIFY is set" in text
    settings.MIGRATIONOPS = own
    assert messages() == []


def test_what_is_said_to_be_unused_is_read_nowhere() -> None:
    names = "|".join(key.lower() for key in checks._NOT_USED_YET)
    reads = re.compile(rf"\bconf\.({names})\b")

    assert [m.name for m in modules() if reads.search(m.path.read_text())] == []
