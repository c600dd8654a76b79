from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from chores.tenancy import tenant_unique


class UserAchievement(models.Model):
    """A badge that a member holds, or held until an undo took it back."""

    household = models.ForeignKey(
        "households.Household", models.CASCADE, db_index=False
    )
    member = models.ForeignKey(
        "households.Membership",
        models.CASCADE,
        db_constraint=False,
        related_name="badges",
    )
    achievement = models.ForeignKey(
        "rewards.Achievement",
        models.RESTRICT,
        db_constraint=False,
        related_name="awards",
    )
    value = models.PositiveIntegerField(help_text="The metric when it was awarded.")
    awarded_at = models.DateTimeField(db_default=Now())
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            tenant_unique("badge"),
            models.UniqueConstraint(
                fields=["member", "achievement"],
                condition=Q(revoked_at__isnull=True),
                name="badge_once",
                violation_error_message="The member holds this badge.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.achievement} of {self.member}"
