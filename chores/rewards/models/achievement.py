from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from chores.tenancy import tenant_unique


class Metric(models.TextChoices):
    COMPLETIONS = "completions", "Chores done"
    POINTS = "points", "Points earned"
    DAY_STREAK = "day_streak", "Days in a row"
    ON_TIME = "on_time", "Done on time"
    EARLY = "early", "Done a day early"
    DISTINCT_CHORES = "distinct_chores", "Different chores"
    HELPED = "helped", "Done for others"
    REVIEWS = "reviews", "Reviews given"


class AchievementManager(models.Manager["Achievement"]):
    def get_by_natural_key(self, slug: str, code: str) -> Achievement:
        return self.get(household__slug=slug, code=code)


class Achievement(models.Model):
    """A badge of a household: reached when a metric meets its threshold."""

    household = models.ForeignKey(
        "households.Household",
        models.CASCADE,
        db_index=False,
        related_name="achievements",
    )
    code = models.SlugField(max_length=40)
    name = models.CharField(max_length=60)
    emoji = models.CharField(max_length=8, blank=True)
    metric = models.CharField(max_length=16, choices=Metric)
    threshold = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    chore = models.ForeignKey(
        "tasks.Chore",
        models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        help_text="Counts this chore alone.",
    )
    bonus = models.PositiveSmallIntegerField(default=0)
    active = models.BooleanField(default=True)

    objects = AchievementManager()

    class Meta:
        constraints = [
            tenant_unique("achievement"),
            models.UniqueConstraint(
                fields=["household", "code"],
                name="achievement_code",
                violation_error_message="The household has this achievement already.",
            ),
            models.CheckConstraint(
                condition=Q(metric__in=Metric.values), name="achievement_metric_known"
            ),
            models.CheckConstraint(
                condition=Q(threshold__gt=0), name="achievement_threshold_positive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} {self.name}".strip()

    def clean(self) -> None:
        if self.chore is not None and self.chore.household_id != self.household_id:
            raise ValidationError({"chore": "This chore is of another household."})

    def natural_key(self) -> tuple[str, str]:
        return (*self.household.natural_key(), self.code)

    natural_key.dependencies = ["households.household"]  # type: ignore[attr-defined]
