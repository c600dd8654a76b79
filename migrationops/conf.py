"""settings.MIGRATIONOPS, parsed into one frozen value.

Nothing else is read from the settings or the process environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Any

from django.conf import settings

from migrationops.environments import Environment
from migrationops.exceptions import ConfigurationError, RefusedError
from migrationops.standby import Standby, parse_standby
from migrationops.stanza import Stanza, parse_stanza

MISSING = """settings.MIGRATIONOPS is absent. Add these lines to your settings:

MIGRATIONOPS = {
    "ENVIRONMENT": "development",  # or test, staging, production
}"""


class Proof(IntEnum):
    """How far a backup was proven; each level includes the one before."""

    NONE = 0
    DECODED = 1
    COUNTED = 2
    RESTORED = 3
    REHEARSED = 4


class LintMode(StrEnum):
    OFF = "off"
    WARN = "warn"
    REFUSE = "refuse"


class Method(StrEnum):
    """Which engine backs up; AUTO goes by the size, and the time it will take."""

    AUTO = "auto"
    PG_DUMP = "pg_dump"
    PGBACKREST = "pgbackrest"
    STANDBY = "standby"


class OnFailure(StrEnum):
    """What a failed run does with what it applied; RESTORE if nobody else wrote."""

    STOP = "stop"
    REVERSE = "reverse"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a run must do; times are seconds. Presets by environment below."""

    name: str
    strictness: int
    lint: LintMode = LintMode.WARN
    rehearse: bool = False
    backup: Proof = Proof.DECODED
    engine: Method = Method.AUTO
    physical_from: int = 200 * 10**9  # bytes of the database
    wait: float = 10.0
    lock_timeout: float = 2.0
    statement_timeout: float = 0.0  # 0: no limit
    patience: float = 1.0  # how long clients may wait behind us
    outage_budget: float = 60.0
    time_budget: float = 3600.0
    max_backup_age: float = 24 * 3600.0
    content_hashes: bool = False  # of every row, by table, in the manifest
    on_failure: OnFailure = OnFailure.STOP


PRESETS: dict[Environment, Policy] = {
    Environment.TEST: Policy(
        name="test", strictness=0, lint=LintMode.OFF, backup=Proof.NONE, wait=0.0
    ),
    Environment.DEVELOPMENT: Policy(name="development", strictness=1),
    Environment.STAGING: Policy(
        name="staging",
        strictness=2,
        lint=LintMode.REFUSE,
        rehearse=True,
        backup=Proof.COUNTED,
        wait=600.0,
    ),
    Environment.PRODUCTION: Policy(
        name="production",
        strictness=3,
        lint=LintMode.REFUSE,
        rehearse=True,
        backup=Proof.RESTORED,
        wait=600.0,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conf:
    """The keys of settings.MIGRATIONOPS, in lower case, with their defaults."""

    environment: Environment
    policy: Policy
    direct_url: str = field(default="", repr=False)
    operator_url: str = field(default="", repr=False)
    maintenance_db: str = "postgres"
    shadow_url: str = field(default="", repr=False)
    proof_url: str = field(default="", repr=False)
    pg_bin: tuple[Path, ...] = ()
    state_dir: Path = Path("var/migrationops")
    backup_dir: Path | None = None
    backup_dir_outlives_host: bool = False
    backup_storage: str = ""
    signing_keys: tuple[str, ...] = field(default=(), repr=False)
    recipients: tuple[str, ...] = ()
    pgbackrest: Stanza | None = None
    standby: Standby | None = None
    release: str = ""
    notify: Mapping[str, Any] = field(default_factory=dict)
    lint: Mapping[str, Any] = field(default_factory=dict)
    seeds: Mapping[str, Any] = field(default_factory=dict)
    monitoring: Mapping[str, Any] = field(default_factory=dict)
    fleet: Mapping[str, Any] = field(default_factory=dict)

    def under(self, policy_name: str | None) -> Conf:
        """Return this with a stricter policy; refuse a laxer one."""
        if policy_name is None:
            return self
        preset = PRESETS[_environment(policy_name)]
        if preset.strictness < self.policy.strictness:
            raise RefusedError(
                f"Policy {preset.name} is laxer than {self.policy.name}, "
                "which this environment demands; nothing was changed.",
                remedy="Leave --policy out, or name a stricter one.",
            )
        own, mine = PRESETS[self.environment], asdict(self.policy)
        merged = {n: v for n, v in mine.items() if v != getattr(own, n)}
        merged |= {n: max(mine[n], getattr(preset, n)) for n in ("rehearse", "backup")}
        merged["lint"] = max(mine["lint"], preset.lint, key=list(LintMode).index)
        return replace(self, policy=replace(preset, **merged))


# Keys that are no field of Conf of the same name.
_SPECIAL = {"ENVIRONMENT", "POLICY", "WAIT", "TIME_BUDGET", "OUTAGE_BUDGET"}
_LISTS, _DIRS = ("PG_BIN", "RECIPIENTS", "SIGNING_KEYS"), ("BACKUP_DIR", "STATE_DIR")
KEYS = {f.name.upper() for f in fields(Conf)} | _SPECIAL


def get_conf() -> Conf:
    """Parse settings.MIGRATIONOPS.

    Raises ConfigurationError when it is absent or wrong.
    """
    raw = getattr(settings, "MIGRATIONOPS", None)
    if raw is None:
        raise ConfigurationError(MISSING)
    return parse(raw)


def parse(raw: Mapping[str, Any]) -> Conf:
    """Parse one MIGRATIONOPS dict; raise ConfigurationError when it is wrong."""
    if problems := list(_problems(raw)):
        raise ConfigurationError("settings.MIGRATIONOPS: " + "; ".join(problems))
    environment = _environment(raw["ENVIRONMENT"])
    values = {
        key.lower(): _value(key.lower(), value)
        for key, value in raw.items()
        if key not in _SPECIAL
    }
    if not environment.is_protected:
        values.setdefault("backup_dir", Path("backups"))
    values["release"] = values.get("release") or os.environ.get("RELEASE", "")
    return Conf(environment=environment, policy=_policy(environment, raw), **values)


def _problems(raw: Mapping[str, Any]) -> list[str]:
    problems = [f"{key} is not a key of it" for key in raw if key not in KEYS]
    problems += [f"{key} is a list" for key in _LISTS if isinstance(raw.get(key), str)]
    problems += [f"{key} is empty" for key in _DIRS if raw.get(key) == ""]
    if "ENVIRONMENT" not in raw:
        problems.append("ENVIRONMENT is required")
    known = {f.name for f in fields(Policy)} - {"name", "strictness"}
    unknown = [name for name in raw.get("POLICY", {}) if name not in known]
    problems += [f"POLICY has no field {name}" for name in unknown]
    return problems


def _environment(name: str) -> Environment:
    try:
        return Environment(name)
    except ValueError:
        names = ", ".join(Environment)
        raise ConfigurationError(
            f"{name!r} is no environment; choose one of {names}."
        ) from None


def _policy(environment: Environment, raw: Mapping[str, Any]) -> Policy:
    overrides = {
        key.lower(): raw[key]
        for key in ("WAIT", "TIME_BUDGET", "OUTAGE_BUDGET")
        if key in raw
    } | dict(raw.get("POLICY", {}))
    converted: dict[str, Any] = {}
    for key, value in overrides.items():
        try:
            converted[key] = _CONVERTED[type(getattr(PRESETS[environment], key))](value)
        except (KeyError, TypeError, ValueError):
            raise ConfigurationError(f"POLICY: {key} cannot be {value!r}.") from None
    policy = replace(PRESETS[environment], **converted)
    if policy.on_failure is OnFailure.RESTORE and policy.backup is Proof.NONE:
        raise ConfigurationError("POLICY: on_failure 'restore' needs a backup.")
    return policy


def _seconds(value: Any) -> float:
    if float(value) >= 0:
        return float(value)
    raise ValueError


_CONVERTED: dict[type, Callable[[Any], Any]] = {  # by the type of the preset
    LintMode: LintMode,
    OnFailure: OnFailure,
    Method: Method,
    Proof: lambda value: Proof[getattr(value, "name", str(value)).upper()],
    bool: {True: True, False: False}.__getitem__,  # any text would be true
    float: _seconds,
    int: int,
}


def _value(name: str, value: Any) -> Any:
    if name.endswith("_dir"):
        return None if value is None else Path(value)
    if parser := {"pgbackrest": parse_stanza, "standby": parse_standby}.get(name):
        return None if value is None else parser(value)
    if name == "pg_bin":
        return tuple(Path(p) for p in value)
    return tuple(value) if isinstance(value, list) else value
