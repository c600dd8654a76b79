"""Add invitations, shared devices and calendar feeds."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_expand_account_session"),
        ("households", "0002_expand_membership"),
    ]

    operations = [
        migrations.CreateModel(
            name="VerificationToken",
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
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("invite", "Invitation"),
                            ("device", "Shared device"),
                            ("calendar", "Calendar feed"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "identifier",
                    models.EmailField(
                        blank=True, max_length=254, verbose_name="invited e-mail"
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("admin", "Admin"),
                            ("member", "Member"),
                            ("child", "Child"),
                            ("guest", "Guest"),
                        ],
                        max_length=6,
                    ),
                ),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "uses_left",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        default=1,
                        help_text="Empty means unlimited.",
                        null=True,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="issued_tokens",
                        to="households.membership",
                    ),
                ),
                (
                    "household",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="households.household",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="Whose calendar, or the profile that gets a login.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tokens",
                        to="households.membership",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="token_tenant"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("purpose__in", ["invite", "device", "calendar"])
                        ),
                        name="token_purpose_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role", ""),
                            ("role__in", ["admin", "member", "child", "guest"]),
                            _connector="OR",
                        ),
                        name="token_role_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("purpose", "calendar"),
                            ("expires_at__isnull", False),
                            _connector="OR",
                        ),
                        name="token_expires",
                        violation_error_message="Only a calendar feed may live for ever.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("purpose", "invite"), _negated=True),
                            models.Q(("role", ""), _negated=True),
                            _connector="OR",
                        ),
                        name="token_invite_has_role",
                        violation_error_message="An invitation says for which role.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("purpose", "calendar"), _negated=True),
                            models.Q(
                                ("member__isnull", False), ("uses_left__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="token_calendar_names_member",
                        violation_error_message="A calendar feed names a member and has no limit of uses.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("purpose", "device"), _negated=True),
                            ("member__isnull", True),
                            _connector="OR",
                        ),
                        name="token_device_names_nobody",
                        violation_error_message="A device belongs to the household.",
                    ),
                ],
            },
        ),
        tenant_key("accounts_verificationtoken", "member_id", "households_membership"),
        tenant_key(
            "accounts_verificationtoken", "created_by_id", "households_membership"
        ),
    ]
