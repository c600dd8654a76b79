"""The application's configuration: typed defaults here, overrides in the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError

from chores.households.models import SystemSetting

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Generic[Value]):
    """A key with its default, its meaning and the check of an override."""

    key: str
    default: Value
    meaning: str
    check: Callable[[Any], bool]

    def get(self, *, alias: str | None = None) -> Value:
        """Return the override, or the default where there is none."""
        row = SystemSetting.objects.using(alias).filter(key=self.key).first()
        return self.default if row is None else self.parse(row.value)

    def parse(self, value: Any) -> Value:
        """Return a value from the database; raise ValidationError if unusable."""
        if not self.check(value):
            raise ValidationError(f"{self.key}: {value!r} is not {self.meaning}.")
        parsed: Value = value
        return parsed


def whole(low: int, high: int) -> Callable[[Any], bool]:
    """Return the check of a whole number between two."""

    def check(value: Any) -> bool:
        return type(value) is int and low <= value <= high

    return check


def is_reward_list(value: Any) -> bool:
    """Return whether this is a list of [name, emoji, cost]."""
    return isinstance(value, list) and all(
        isinstance(row, list)
        and [type(cell) for cell in row] == [str, str, int]
        and 0 < len(row[0]) <= 80
        and row[2] > 0
        for row in value
    )


HORIZON_DAYS: Setting[int] = Setting(
    key="horizon_days",
    default=14,
    meaning="how many days ahead occurrences are made (1 to 60)",
    check=whole(1, 60),
)
UNDO_HOURS: Setting[int] = Setting(
    key="undo_hours",
    default=24,
    meaning="for how many hours one may undo one's own (0 to 168)",
    check=whole(0, 168),
)
DIGEST_HOUR: Setting[int] = Setting(
    key="digest_hour",
    default=7,
    meaning="the hour of the household's clock for the morning digest (0 to 23)",
    check=whole(0, 23),
)
DEFAULT_REWARDS: Setting[list[list[Any]]] = Setting(
    key="default_rewards",
    default=[
        ["Choose the film", "🎬", 30],
        ["Breakfast in bed", "🥞", 100],
        ["A trip of your choice", "🗺️", 400],
    ],
    meaning="a list of [name, emoji, cost] that a new household's shop starts with",
    check=is_reward_list,
)

SETTINGS: dict[str, Setting[Any]] = {
    setting.key: setting
    for setting in (HORIZON_DAYS, UNDO_HOURS, DIGEST_HOUR, DEFAULT_REWARDS)
}


def create_missing() -> list[str]:
    """Store the default of every key that has no row; return those keys."""
    rows = [SystemSetting(key=key, value=SETTINGS[key].default) for key in SETTINGS]
    before = set(SystemSetting.objects.values_list("key", flat=True))
    SystemSetting.objects.bulk_create(rows, ignore_conflicts=True)
    return sorted(set(SETTINGS) - before)
