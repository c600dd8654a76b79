"""settings.MIGRATIONOPS["STANDBY"]: the standby that is paused before a migration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from migrationops.exceptions import ConfigurationError


@dataclass(frozen=True, slots=True, kw_only=True)
class Standby:
    """How it is reached, past a pooler, by a role that may pause its replay.

    `patience` is how long it may take to replay what the primary has written (s);
    `outlives_host` declares that it runs on another machine.
    """

    url: str = field(repr=False)
    patience: float = 60.0
    outlives_host: bool = False
    restart: str = ""  # its command, for the way back


def parse_standby(raw: Mapping[str, Any]) -> Standby:
    """Parse the dict; raise ConfigurationError when it is wrong."""
    known = {f.name for f in fields(Standby)}
    if problems := [f"{key} is not a key of it" for key in raw if key not in known]:
        raise ConfigurationError(f"STANDBY: {'; '.join(problems)}.")
    if not raw.get("url"):
        raise ConfigurationError("STANDBY: url is required.")
    try:
        patience = float(raw.get("patience", 60.0))
    except (TypeError, ValueError):
        raise ConfigurationError("STANDBY: patience is a number of seconds.") from None
    return Standby(**{**raw, "patience": patience})
