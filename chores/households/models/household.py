from __future__ import annotations

import secrets
import zoneinfo

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

LATEST_DAY_START = 6


class Weekday(models.IntegerChoices):
    """Numbered as Python's date.weekday()."""

    MONDAY = 0
    TUESDAY = 1
    WEDNESDAY = 2
    THURSDAY = 3
    FRIDAY = 4
    SATURDAY = 5
    SUNDAY = 6


def validate_timezone(value: str) -> None:
    """Refuse a zone that the IANA database does not know."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            "%(value)s is not a time zone; choose one such as Europe/Dublin.",
            params={"value": value},
        )


def new_slug() -> str:
    """Return a public name that nobody can guess."""
    return secrets.token_hex(6)


class HouseholdManager(models.Manager["Household"]):
    def get_by_natural_key(self, slug: str) -> Household:
        return self.get(slug=slug)


class Household(models.Model):
    """People who share chores; the tenant that everything else belongs to."""

    slug = models.SlugField(max_length=60, unique=True, default=new_slug)
    name = models.CharField(max_length=80)
    timezone = models.CharField(
        max_length=64, default="UTC", validators=[validate_timezone]
    )
    day_starts_hour = models.PositiveSmallIntegerField(
        default=0,
        validators=[MaxValueValidator(LATEST_DAY_START)],
        help_text="The hour (0 to 6) at which a new day begins.",
    )
    week_starts_on = models.PositiveSmallIntegerField(
        choices=Weekday, default=Weekday.MONDAY
    )
    points_name = models.CharField(max_length=20, default="points")
    show_leaderboard = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = HouseholdManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(day_starts_hour__lte=LATEST_DAY_START),
                name="household_day_start",
                violation_error_message="A day starts between midnight and 6 o'clock.",
            ),
            models.CheckConstraint(
                condition=Q(week_starts_on__in=Weekday.values),
                name="household_week_start",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def natural_key(self) -> tuple[str]:
        return (self.slug,)
