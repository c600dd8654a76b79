from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from chores.households.models.membership import Role
from chores.tenancy import tenant_unique


class Purpose(models.TextChoices):
    INVITE = "invite", "Invitation"
    DEVICE = "device", "Shared device"
    CALENDAR = "calendar", "Calendar feed"


class VerificationToken(models.Model):
    """A secret with one purpose, of which only the SHA-256 digest is stored."""

    household = models.ForeignKey(
        "households.Household", models.CASCADE, db_index=False
    )
    purpose = models.CharField(max_length=10, choices=Purpose)
    identifier = models.EmailField("invited e-mail", blank=True)
    member = models.ForeignKey(
        "households.Membership",
        models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="tokens",
        help_text="Whose calendar, or the profile that gets a login.",
    )
    role = models.CharField(max_length=6, choices=Role, blank=True)
    digest = models.BinaryField(max_length=32, unique=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    uses_left = models.PositiveSmallIntegerField(
        default=1, null=True, blank=True, help_text="Empty means unlimited."
    )
    created_by = models.ForeignKey(
        "households.Membership",
        models.SET_NULL,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="issued_tokens",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        constraints = [
            tenant_unique("token"),
            models.CheckConstraint(
                condition=Q(purpose__in=Purpose.values), name="token_purpose_known"
            ),
            models.CheckConstraint(
                condition=Q(role="") | Q(role__in=Role.values), name="token_role_known"
            ),
            models.CheckConstraint(
                condition=Q(purpose="calendar") | Q(expires_at__isnull=False),
                name="token_expires",
                violation_error_message="Only a calendar feed may live for ever.",
            ),
            models.CheckConstraint(
                condition=~Q(purpose="invite") | ~Q(role=""),
                name="token_invite_has_role",
                violation_error_message="An invitation says for which role.",
            ),
            models.CheckConstraint(
                condition=~Q(purpose="calendar")
                | Q(member__isnull=False, uses_left__isnull=True),
                name="token_calendar_names_member",
                violation_error_message=(
                    "A calendar feed names a member and has no limit of uses."
                ),
            ),
            models.CheckConstraint(
                condition=~Q(purpose="device") | Q(member__isnull=True),
                name="token_device_names_nobody",
                violation_error_message="A device belongs to the household.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} {self.pk}"
