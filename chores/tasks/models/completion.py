from __future__ import annotations

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from chores.tenancy import tenant_unique


class State(models.TextChoices):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    UNDONE = "undone"


LIVE = (State.PENDING, State.APPROVED)


class ChoreCompletion(models.Model):
    """An attempt at an occurrence; at most one is pending or approved."""

    household = models.ForeignKey(
        "households.Household", models.CASCADE, db_index=False
    )
    occurrence = models.ForeignKey(
        "tasks.Occurrence",
        models.CASCADE,
        db_constraint=False,
        related_name="completions",
    )
    chore = models.ForeignKey(
        "tasks.Chore", models.CASCADE, db_constraint=False, db_index=False
    )
    member = models.ForeignKey(
        "households.Membership",
        models.RESTRICT,
        db_constraint=False,
        db_index=False,
        related_name="completions",
    )
    recorded_by = models.ForeignKey(
        "households.Membership",
        models.RESTRICT,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    via = models.ForeignKey(
        "accounts.VerificationToken",
        models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
        help_text="The shared device on which it was tapped.",
    )
    reviewed_by = models.ForeignKey(
        "households.Membership",
        models.RESTRICT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="reviews",
    )
    reviewed_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=8, choices=State)
    done_at = models.DateTimeField()
    done_on = models.DateField(help_text="The household's day; never worked out anew.")
    on_time = models.BooleanField()
    points = models.PositiveSmallIntegerField()
    note = models.CharField(max_length=200, blank=True)
    nonce = models.UUIDField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            tenant_unique("completion"),
            models.UniqueConstraint(
                fields=["occurrence"],
                condition=Q(state__in=LIVE),
                name="completion_live",
                violation_error_message="It is done already.",
            ),
            models.UniqueConstraint(
                fields=["member", "nonce"],
                condition=Q(nonce__isnull=False),
                name="completion_nonce",
            ),
            models.CheckConstraint(
                condition=Q(state__in=State.values), name="completion_state_known"
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | ~Q(reviewed_by=F("member")),
                name="completion_not_reviewed_by_doer",
                violation_error_message="Nobody reviews their own work.",
            ),
            models.CheckConstraint(
                condition=Q(reviewed_by__isnull=True) | Q(reviewed_at__isnull=False),
                name="completion_review_dated",
            ),
        ]
        indexes = [
            models.Index(
                F("household"),
                F("done_on").desc(),
                F("id").desc(),
                name="completion_history",
            ),
            models.Index(
                fields=["member", "done_on"],
                condition=Q(state="approved"),
                name="completion_heatmap",
            ),
            models.Index(
                fields=["household", "created_at"],
                condition=Q(state="pending"),
                name="completion_inbox",
            ),
            BrinIndex(fields=["done_on"], name="completion_dates"),
            models.Index(
                fields=["via"], condition=Q(via__isnull=False), name="completion_via"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.chore} by {self.member}"
