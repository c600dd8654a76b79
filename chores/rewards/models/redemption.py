from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from chores.tenancy import tenant_unique


class RedemptionState(models.TextChoices):
    REQUESTED = "requested"
    GRANTED = "granted"
    DELIVERED = "delivered"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class Redemption(models.Model):
    """A member's wish for a reward; its points are held from the request on."""

    household = models.ForeignKey(
        "households.Household", models.CASCADE, db_index=False
    )
    reward = models.ForeignKey(
        "rewards.Reward",
        models.RESTRICT,
        db_constraint=False,
        related_name="redemptions",
    )
    member = models.ForeignKey(
        "households.Membership",
        models.RESTRICT,
        db_constraint=False,
        related_name="redemptions",
    )
    cost = models.PositiveIntegerField()
    state = models.CharField(max_length=9, choices=RedemptionState)
    nonce = models.UUIDField(null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        "households.Membership",
        models.RESTRICT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            tenant_unique("redemption"),
            models.UniqueConstraint(
                fields=["member", "nonce"],
                condition=Q(nonce__isnull=False),
                name="redemption_nonce",
            ),
            models.CheckConstraint(condition=Q(cost__gt=0), name="redemption_costs"),
            models.CheckConstraint(
                condition=Q(state__in=RedemptionState.values),
                name="redemption_state_known",
            ),
        ]
        indexes = [
            models.Index(
                fields=["household", "created_at"],
                condition=Q(state="requested"),
                name="redemption_inbox",
            )
        ]

    def __str__(self) -> str:
        return f"{self.reward} for {self.member}"
