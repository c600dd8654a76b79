"""settings.MIGRATIONOPS["PGBACKREST"]: the cluster's stanza, and who speaks of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from migrationops.exceptions import ConfigurationError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_TYPES = ("incr", "diff", "full")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stanza:
    """Where pgBackRest keeps the cluster's backups.

    `prefix` comes before each program, as ("sudo", "-n", "-u", "postgres");
    `outlives_host` declares that the repository lies on another machine.
    """

    stanza: str
    config: str = ""  # its file; empty: where pgBackRest looks by itself
    prefix: tuple[str, ...] = ()
    type: str = "incr"  # what is made when its newest backup is too old
    scratch_dir: Path | None = None  # for a proof by restore
    outlives_host: bool = False
    stop: str = ""  # the cluster's commands, for the way back
    start: str = ""


def parse_stanza(raw: Mapping[str, Any]) -> Stanza:
    """Parse the dict; raise ConfigurationError when it is wrong."""
    known = {f.name for f in fields(Stanza)}
    if problems := [f"{key} is not a key of it" for key in raw if key not in known]:
        raise ConfigurationError(f"PGBACKREST: {'; '.join(problems)}.")
    name = str(raw.get("stanza", ""))
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"PGBACKREST: stanza cannot be {name!r}.")
    if (kind := raw.get("type", "incr")) not in _TYPES:
        names = ", ".join(_TYPES)
        raise ConfigurationError(f"PGBACKREST: type is one of {names}, not {kind!r}.")
    scratch = raw.get("scratch_dir")
    return Stanza(
        **{
            **raw,
            "prefix": tuple(raw.get("prefix", ())),
            "scratch_dir": Path(scratch) if scratch else None,
        }
    )
