"""Add people to households, with or without a login."""

from __future__ import annotations

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0001_expand_user"),
        ("households", "0001_expand_household"),
    ]

    operations = [
        migrations.CreateModel(
            name="Membership",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True,
                        primary_key=True,
                        serialize=False,
                        verbose_name="ID",
                    ),
                ),
                ("name", models.CharField(max_length=40)),
                ("emoji", models.CharField(blank=True, max_length=8)),
                (
                    "colour",
                    models.CharField(
                        default="#6b7280",
                        max_length=7,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^#[0-9a-fA-F]{6}$", "Write it as #rrggbb."
                            )
                        ],
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("member", "Member"),
                            ("child", "Child"),
                            ("guest", "Guest"),
                        ],
                        default="member",
                        max_length=6,
                    ),
                ),
                (
                    "pin",
                    models.CharField(
                        blank=True,
                        editable=False,
                        max_length=128,
                        verbose_name="PIN, hashed",
                    ),
                ),
                (
                    "pin_tries",
                    models.PositiveSmallIntegerField(default=0, editable=False),
                ),
                (
                    "pin_closed_until",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                ("wants_digest", models.BooleanField(default=True)),
                (
                    "joined_on",
                    models.DateField(default=django.utils.timezone.localdate),
                ),
                ("left_at", models.DateTimeField(blank=True, null=True)),
                ("balance", models.IntegerField(db_default=0, editable=False)),
                ("earned", models.IntegerField(db_default=0, editable=False)),
                ("entries", models.IntegerField(db_default=0, editable=False)),
                (
                    "household",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="members",
                        to="households.household",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty for a child without a login.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="membership_tenant"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(
                            ("left_at__isnull", True), ("user__isnull", False)
                        ),
                        fields=("household", "user"),
                        name="membership_once",
                        violation_error_message="This login is in the household already.",
                    ),
                    models.UniqueConstraint(
                        models.F("household"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("left_at__isnull", True)),
                        name="membership_name_ci",
                        violation_error_message="Somebody here already has that name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["admin", "member", "child", "guest"])
                        ),
                        name="membership_role_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("role", "admin"), _negated=True),
                            ("user__isnull", False),
                            ("left_at__isnull", False),
                            _connector="OR",
                        ),
                        name="membership_admin_signs_in",
                        violation_error_message="An admin needs a login.",
                    ),
                ],
            },
        ),
    ]
