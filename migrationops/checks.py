"""System checks: the settings are right before anything relies on them."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, register

from migrationops.conf import get_conf
from migrationops.exceptions import ConfigurationError


@register()
def settings_are_right(**_: Any) -> list[CheckMessage]:
    """migrationops.E001: settings.MIGRATIONOPS is absent or wrong."""
    try:
        get_conf()
    except ConfigurationError as exc:
        return [Error(str(exc), hint=exc.remedy, id="migrationops.E001")]
    return []
