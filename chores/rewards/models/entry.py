from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Cast, Now

from chores.tenancy import tenant_unique


class Kind(models.TextChoices):
    CHORE = "chore"
    BONUS = "bonus"
    PENALTY = "penalty"
    BADGE = "badge"
    REDEEM = "redeem"
    REVERSAL = "reversal"


REFERENCES = ("completion", "redemption", "badge", "reverses")


def referring_to(*names: str) -> Q:
    """Return: these references are set and the other ones are not."""
    return Q(**{f"{name}__isnull": name not in names for name in REFERENCES})


def entry_shape() -> Q:
    """Return what each kind of entry has: its sign and its cause."""
    return (
        (Q(kind="chore", amount__gt=0) & referring_to("completion"))
        | (Q(kind="bonus", amount__gt=0) & referring_to())
        | (Q(kind="penalty", amount__lt=0) & referring_to() & ~Q(note=""))
        | (Q(kind="badge", amount__gt=0) & referring_to("badge"))
        | (Q(kind="redeem", amount__lt=0) & referring_to("redemption"))
        | (Q(kind="reversal") & ~Q(amount=0) & referring_to("reverses"))
    )


class PointEntry(models.Model):
    """A line of a member's ledger; never changed, mirrored by a reversal.

    The trigger sets seq, balance_after, earned_delta and day.
    """

    household = models.ForeignKey(
        "households.Household", models.CASCADE, db_index=False
    )
    member = models.ForeignKey(
        "households.Membership",
        models.RESTRICT,
        db_constraint=False,
        db_index=False,
        related_name="point_entries",
    )
    seq = models.IntegerField(db_default=0, editable=False)
    balance_after = models.IntegerField(db_default=0, editable=False)
    earned_delta = models.IntegerField(db_default=0, editable=False)
    day = models.DateField(db_default=Cast(Now(), models.DateField()), editable=False)
    kind = models.CharField(max_length=8, choices=Kind)
    amount = models.IntegerField()
    completion = models.ForeignKey(
        "tasks.ChoreCompletion",
        models.RESTRICT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="point_entries",
    )
    redemption = models.ForeignKey(
        "rewards.Redemption",
        models.RESTRICT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="point_entries",
    )
    badge = models.ForeignKey(
        "rewards.UserAchievement",
        models.RESTRICT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="point_entries",
    )
    reverses = models.ForeignKey(
        "self",
        models.RESTRICT,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="reversals",
    )
    note = models.CharField(max_length=200, blank=True)
    nonce = models.UUIDField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
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
        verbose_name_plural = "point entries"
        constraints = [
            tenant_unique("entry"),
            models.UniqueConstraint(fields=["member", "seq"], name="entry_seq"),
            models.UniqueConstraint(
                fields=["completion"],
                condition=Q(kind="chore"),
                name="entry_completion_once",
            ),
            models.UniqueConstraint(
                fields=["redemption"],
                condition=Q(kind="redeem"),
                name="entry_redemption_once",
            ),
            models.UniqueConstraint(
                fields=["badge"], condition=Q(kind="badge"), name="entry_badge_once"
            ),
            models.UniqueConstraint(
                fields=["reverses"],
                condition=Q(reverses__isnull=False),
                name="entry_reversed_once",
            ),
            models.UniqueConstraint(
                fields=["member", "nonce"],
                condition=Q(nonce__isnull=False),
                name="entry_nonce",
            ),
            models.CheckConstraint(
                condition=entry_shape(),
                name="entry_shape",
                violation_error_message=(
                    "The kind, the sign and the cause of an entry belong together; "
                    "a penalty has a note."
                ),
            ),
        ]
        indexes = [
            models.Index(
                fields=["household", "day"],
                include=["member", "earned_delta"],
                name="entry_leaderboard",
            )
        ]

    def __str__(self) -> str:
        return f"{self.amount:+d} {self.kind}"
