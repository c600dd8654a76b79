"""Add completions; a partial unique index allows one live one an occurrence."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_expand_token"),
        ("tasks", "0002_expand_occurrence"),
    ]

    operations = [
        migrations.CreateModel(
            name="ChoreCompletion",
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
                ("reviewed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("undone", "Undone"),
                        ],
                        max_length=8,
                    ),
                ),
                ("done_at", models.DateTimeField()),
                (
                    "done_on",
                    models.DateField(
                        help_text="The household's day; never worked out anew."
                    ),
                ),
                ("on_time", models.BooleanField()),
                ("points", models.PositiveSmallIntegerField()),
                ("note", models.CharField(blank=True, max_length=200)),
                ("nonce", models.UUIDField(blank=True, editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                    ),
                ),
                (
                    "chore",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="tasks.chore",
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
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="completions",
                        to="households.membership",
                    ),
                ),
                (
                    "recorded_by",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="+",
                        to="households.membership",
                    ),
                ),
                (
                    "reviewed_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="reviews",
                        to="households.membership",
                    ),
                ),
                (
                    "via",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        help_text="The shared device on which it was tapped.",
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="accounts.verificationtoken",
                    ),
                ),
                (
                    "occurrence",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="completions",
                        to="tasks.occurrence",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("household"),
                        models.OrderBy(models.F("done_on"), descending=True),
                        models.OrderBy(models.F("id"), descending=True),
                        name="completion_history",
                    ),
                    models.Index(
                        condition=models.Q(("state", "approved")),
                        fields=["member", "done_on"],
                        name="completion_heatmap",
                    ),
                    models.Index(
                        condition=models.Q(("state", "pending")),
                        fields=["household", "created_at"],
                        name="completion_inbox",
                    ),
                    models.Index(
                        condition=models.Q(("via__isnull", False)),
                        fields=["via"],
                        name="completion_via",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="completion_tenant"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("pending", "approved"))),
                        fields=("occurrence",),
                        name="completion_live",
                        violation_error_message="It is done already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("nonce__isnull", False)),
                        fields=("member", "nonce"),
                        name="completion_nonce",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("state__in", ["pending", "approved", "rejected", "undone"])
                        ),
                        name="completion_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reviewed_by__isnull", True),
                            models.Q(
                                ("reviewed_by", models.F("member")), _negated=True
                            ),
                            _connector="OR",
                        ),
                        name="completion_not_reviewed_by_doer",
                        violation_error_message="Nobody reviews their own work.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reviewed_by__isnull", True),
                            ("reviewed_at__isnull", False),
                            _connector="OR",
                        ),
                        name="completion_review_dated",
                    ),
                ],
            },
        ),
        tenant_key("tasks_chorecompletion", "occurrence_id", "tasks_occurrence"),
        tenant_key("tasks_chorecompletion", "chore_id", "tasks_chore"),
        tenant_key("tasks_chorecompletion", "member_id", "households_membership"),
        tenant_key("tasks_chorecompletion", "recorded_by_id", "households_membership"),
        tenant_key("tasks_chorecompletion", "reviewed_by_id", "households_membership"),
        tenant_key("tasks_chorecompletion", "via_id", "accounts_verificationtoken"),
    ]
