"""System checks: the settings are right before anything relies on them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register

from migrationops.conf import get_conf
from migrationops.exceptions import ConfigurationError

_NOT_USED_YET = ("NOTIFY", "MONITORING", "FLEET")


@register()
def settings_are_right(**_: Any) -> list[CheckMessage]:
    """migrationops.E001: settings.MIGRATIONOPS is absent or wrong."""
    try:
        get_conf()
    except ConfigurationError as exc:
        return [Error(str(exc), hint=exc.remedy, id="migrationops.E001")]
    return []


@register()
def settings_are_used(**_: Any) -> list[CheckMessage]:
    """migrationops.W001: a key is set that this release does nothing with."""
    given = getattr(settings, "MIGRATIONOPS", None) or {}
    return [
        checks.Warning(
            f"settings.MIGRATIONOPS: {key} is set, and this release does not use it.",
            hint="Leave it out: nothing is sent, measured or asked because of it.",
            id="migrationops.W001",
        )
        for key in _NOT_USED_YET
        if given.get(key)
    ]
