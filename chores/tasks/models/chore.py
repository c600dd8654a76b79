from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower, Now

from chores.tenancy import tenant_unique

MAX_POINTS = 1000


class Schedule(models.TextChoices):
    CALENDAR = "calendar", "On calendar dates"
    AFTER = "after", "Some days after it was done"
    ONCE = "once", "Once"
    ANYTIME = "anytime", "As needed"


class Assign(models.TextChoices):
    ANYONE = "anyone", "Anyone, first come"
    TURNS = "turns", "Taking turns"
    EVERYONE = "everyone", "Everyone, each their own"


class TurnEvery(models.TextChoices):
    OCCURRENCE = "occurrence", "Each time"
    WEEK = "week", "Each week"


class ChoreManager(models.Manager["Chore"]):
    def get_by_natural_key(self, slug: str, name: str) -> Chore:
        return self.get(household__slug=slug, name=name, archived_at__isnull=True)


def schedule_shape() -> Q:
    """Return which fields each kind of schedule has."""
    none = Q(rrule="", every_days__isnull=True)
    return (
        (Q(schedule="calendar", every_days__isnull=True) & ~Q(rrule=""))
        | Q(
            schedule="after",
            rrule="",
            every_days__isnull=False,
            every_days__gte=1,
            grace_days__isnull=True,
            lead_days__lt=F("every_days"),
        )
        | (Q(schedule__in=["once", "anytime"]) & none)
    )


def assign_shape() -> Q:
    """Return who may be asked by which kind of schedule."""
    return Q(turn_every__in=TurnEvery.values) & (
        Q(assign="anyone")
        | Q(assign="turns", schedule__in=["calendar", "after", "once"])
        | Q(assign="everyone", schedule__in=["calendar", "once"])
    )


class Chore(models.Model):
    """The definition of something to be done, once or again and again."""

    household = models.ForeignKey(
        "households.Household",
        models.CASCADE,
        db_index=False,
        related_name="chores",
    )
    name = models.CharField(max_length=80)
    emoji = models.CharField(max_length=8, blank=True)
    area = models.CharField(max_length=40, blank=True, help_text="A room, say.")
    note = models.CharField(max_length=500, blank=True)
    points = models.PositiveSmallIntegerField(
        default=10, validators=[MaxValueValidator(MAX_POINTS)]
    )
    minutes = models.PositiveSmallIntegerField(null=True, blank=True)
    schedule = models.CharField(
        max_length=8, choices=Schedule, default=Schedule.CALENDAR
    )
    rrule = models.CharField(
        "rule", max_length=200, blank=True, help_text="RFC 5545, without DTSTART."
    )
    every_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    starts_on = models.DateField()
    ends_on = models.DateField(null=True, blank=True)
    due_time = models.TimeField(
        null=True, blank=True, help_text="Empty means by the end of the day."
    )
    lead_days = models.PositiveSmallIntegerField(
        default=0, help_text="How many days before it is due it may be done."
    )
    grace_days = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        help_text="Days after which it is missed; empty means when the next is due.",
    )
    max_per_day = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)]
    )
    assign = models.CharField(max_length=8, choices=Assign, default=Assign.ANYONE)
    turn_every = models.CharField(
        max_length=10, choices=TurnEvery, default=TurnEvery.OCCURRENCE
    )
    needs_approval = models.BooleanField(default=False)
    paused = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_on = models.DateField(
        null=True,
        blank=True,
        editable=False,
        help_text="The first date that is not generated yet.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = ChoreManager()

    class Meta:
        constraints = [
            tenant_unique("chore"),
            models.UniqueConstraint(
                "household",
                Lower("name"),
                condition=Q(archived_at__isnull=True),
                name="chore_name_ci",
                violation_error_message="The household has a chore of that name.",
            ),
            models.CheckConstraint(
                condition=Q(points__lte=MAX_POINTS), name="chore_points_range"
            ),
            models.CheckConstraint(
                condition=schedule_shape(),
                name="chore_schedule_shape",
                violation_error_message=(
                    "A calendar chore has a rule; one some days after it was done has "
                    "that number, more than its lead and no grace; others have neither."
                ),
            ),
            models.CheckConstraint(
                condition=Q(ends_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
                name="chore_ends_after_start",
                violation_error_message="It ends before it starts.",
            ),
            models.CheckConstraint(
                condition=assign_shape(),
                name="chore_assign_fits",
                violation_error_message=(
                    "Everyone each is for dates, and a chore as needed is for anyone."
                ),
            ),
            models.CheckConstraint(
                condition=Q(max_per_day__isnull=True)
                | Q(schedule="anytime", max_per_day__gte=1),
                name="chore_max_per_day_anytime",
                violation_error_message="Only a chore as needed is limited per day.",
            ),
            models.CheckConstraint(
                condition=Q(minutes__isnull=True) | Q(minutes__gt=0),
                name="chore_minutes_positive",
                violation_error_message="Even a short chore takes a minute.",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_on"],
                condition=Q(archived_at__isnull=True, next_on__isnull=False),
                name="chore_next_on",
            )
        ]

    def __str__(self) -> str:
        return f"{self.emoji} {self.name}".strip()

    def natural_key(self) -> tuple[str, str]:
        return (*self.household.natural_key(), self.name)

    natural_key.dependencies = ["households.household"]  # type: ignore[attr-defined]
