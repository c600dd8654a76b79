from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class NoticeKind(models.TextChoices):
    DIGEST = "digest", "Morning digest"
    APPROVALS = "approvals", "Approval waits"
    LETTER = "letter", "Weekly letter"


class Notice(models.Model):
    """A message that was sent: unique, so that a retry sends it once."""

    household = models.ForeignKey("households.Household", models.CASCADE)
    member = models.ForeignKey(
        "households.Membership",
        models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="notices",
    )
    kind = models.CharField(max_length=10, choices=NoticeKind)
    day = models.DateField()
    sent_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "kind", "day"], name="notice_once"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=NoticeKind.values), name="notice_kind_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.day}"
