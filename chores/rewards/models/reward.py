from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from chores.tenancy import tenant_unique


class RewardManager(models.Manager["Reward"]):
    def get_by_natural_key(self, slug: str, name: str) -> Reward:
        return self.get(household__slug=slug, name=name, archived_at__isnull=True)


class Reward(models.Model):
    """Something that points buy."""

    household = models.ForeignKey(
        "households.Household",
        models.CASCADE,
        db_index=False,
        related_name="rewards",
    )
    name = models.CharField(max_length=80)
    emoji = models.CharField(max_length=8, blank=True)
    cost = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    stock = models.PositiveIntegerField(
        null=True, blank=True, help_text="Empty means as many as are asked for."
    )
    needs_approval = models.BooleanField(default=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = RewardManager()

    class Meta:
        constraints = [
            tenant_unique("reward"),
            models.UniqueConstraint(
                "household",
                Lower("name"),
                condition=Q(archived_at__isnull=True),
                name="reward_name_ci",
                violation_error_message="The household has a reward of that name.",
            ),
            models.CheckConstraint(condition=Q(cost__gt=0), name="reward_costs"),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} {self.name}".strip()

    def natural_key(self) -> tuple[str, str]:
        return (*self.household.natural_key(), self.name)

    natural_key.dependencies = ["households.household"]  # type: ignore[attr-defined]
