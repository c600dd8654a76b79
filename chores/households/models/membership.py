from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone

from chores.tenancy import tenant_unique


class Role(models.TextChoices):
    ADMIN = "admin", "Admin"
    MEMBER = "member", "Member"
    CHILD = "child", "Child"
    GUEST = "guest", "Guest"


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> MembershipQuerySet:
        """Return those who have not left."""
        return self.filter(left_at__isnull=True)

    def workers(self) -> MembershipQuerySet:
        """Return those who do chores when a chore names nobody."""
        return self.active().exclude(role=Role.GUEST)


class MembershipManager(models.Manager["Membership"]):
    def get_by_natural_key(self, slug: str, name: str) -> Membership:
        return self.get(household__slug=slug, name=name, left_at__isnull=True)


class Membership(models.Model):
    """A person in a household, with or without a login.

    balance, earned and entries belong to the ledger's trigger; other writes of
    them are ignored by the database.
    """

    household = models.ForeignKey(
        "households.Household",
        models.CASCADE,
        db_index=False,
        related_name="members",
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="memberships",
        help_text="Empty for a child without a login.",
    )
    name = models.CharField(max_length=40)
    emoji = models.CharField(max_length=8, blank=True)
    colour = models.CharField(
        max_length=7,
        default="#6b7280",
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", "Write it as #rrggbb.")],
    )
    role = models.CharField(max_length=6, choices=Role, default=Role.MEMBER)
    pin = models.CharField("PIN, hashed", max_length=128, blank=True, editable=False)
    pin_tries = models.PositiveSmallIntegerField(default=0, editable=False)
    pin_closed_until = models.DateTimeField(null=True, blank=True, editable=False)
    wants_digest = models.BooleanField(default=True)
    joined_on = models.DateField(default=timezone.localdate)
    left_at = models.DateTimeField(null=True, blank=True)
    balance = models.IntegerField(db_default=0, editable=False)
    earned = models.IntegerField(db_default=0, editable=False)
    entries = models.IntegerField(db_default=0, editable=False)

    objects = MembershipManager.from_queryset(MembershipQuerySet)()

    class Meta:
        constraints = [
            tenant_unique("membership"),
            models.UniqueConstraint(
                fields=["household", "user"],
                condition=Q(user__isnull=False, left_at__isnull=True),
                name="membership_once",
                violation_error_message="This login is in the household already.",
            ),
            models.UniqueConstraint(
                "household",
                Lower("name"),
                condition=Q(left_at__isnull=True),
                name="membership_name_ci",
                violation_error_message="Somebody here already has that name.",
            ),
            models.CheckConstraint(
                condition=Q(role__in=Role.values), name="membership_role_known"
            ),
            models.CheckConstraint(
                condition=~Q(role="admin")
                | Q(user__isnull=False)
                | Q(left_at__isnull=False),
                name="membership_admin_signs_in",
                violation_error_message="An admin needs a login.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.emoji} {self.name}".strip()

    def natural_key(self) -> tuple[str, str]:
        return (*self.household.natural_key(), self.name)

    natural_key.dependencies = ["households.household"]  # type: ignore[attr-defined]
