from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from chores.tenancy import tenant_unique


class Status(models.TextChoices):
    OPEN = "open"
    SUBMITTED = "submitted"
    DONE = "done"
    SKIPPED = "skipped"
    MISSED = "missed"


STANDING = (Status.OPEN, Status.SUBMITTED)


class Occurrence(models.Model):
    """One thing, to be done once, by one person.

    Overdue is a question (open and due_at in the past), never a status.
    """

    household = models.ForeignKey(
        "households.Household", models.CASCADE, db_index=False
    )
    chore = models.ForeignKey(
        "tasks.Chore",
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="occurrences",
    )
    due_on = models.DateField()
    slot = models.BigIntegerField(
        default=0, help_text="0; the member for everyone; 1, 2, 3 where it repeats."
    )
    opens_on = models.DateField()
    due_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    turn_of = models.ForeignKey(
        "households.Membership",
        models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="turns",
    )
    assignee = models.ForeignKey(
        "households.Membership",
        models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="assignments",
    )
    status = models.CharField(max_length=9, choices=Status, default=Status.OPEN)
    closed_at = models.DateTimeField(null=True, blank=True)
    spawned_from = models.ForeignKey(
        "self",
        models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
        related_name="followers",
    )

    class Meta:
        constraints = [
            tenant_unique("occurrence"),
            models.UniqueConstraint(
                fields=["chore", "due_on", "slot"], name="occurrence_slot"
            ),
            models.UniqueConstraint(
                fields=["spawned_from"],
                condition=Q(spawned_from__isnull=False),
                name="occurrence_followed_once",
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="occurrence_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status__in=STANDING, closed_at__isnull=True)
                | (~Q(status__in=STANDING) & Q(closed_at__isnull=False)),
                name="occurrence_closed",
            ),
            models.CheckConstraint(
                condition=Q(opens_on__lte=F("due_on")), name="occurrence_opens"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gte=F("due_at")),
                name="occurrence_expires",
            ),
        ]
        indexes = [
            models.Index(
                fields=["household", "due_on"],
                condition=Q(status__in=STANDING),
                name="occ_board",
            ),
            models.Index(
                fields=["assignee", "due_on"],
                condition=Q(status__in=STANDING),
                name="occ_mine",
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status="open", expires_at__isnull=False),
                name="occ_expiry",
            ),
            models.Index(
                fields=["assignee", "due_on"],
                include=["status"],
                condition=Q(status__in=[Status.DONE, Status.MISSED]),
                name="occ_streak",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.chore}, {self.due_on}"
