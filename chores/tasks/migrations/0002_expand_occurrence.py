"""Add occurrences: one thing, to be done once, by one person.

Each row is updated once or twice, so pages keep room and vacuum comes early.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [
        ("tasks", "0001_expand_chore"),
    ]

    operations = [
        migrations.CreateModel(
            name="Occurrence",
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
                ("due_on", models.DateField()),
                (
                    "slot",
                    models.BigIntegerField(
                        default=0,
                        help_text="0; the member for everyone; 1, 2, 3 where it repeats.",
                    ),
                ),
                ("opens_on", models.DateField()),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("submitted", "Submitted"),
                            ("done", "Done"),
                            ("skipped", "Skipped"),
                            ("missed", "Missed"),
                        ],
                        default="open",
                        max_length=9,
                    ),
                ),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="assignments",
                        to="households.membership",
                    ),
                ),
                (
                    "chore",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="occurrences",
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
                    "spawned_from",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="followers",
                        to="tasks.occurrence",
                    ),
                ),
                (
                    "turn_of",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="turns",
                        to="households.membership",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ("open", "submitted"))),
                        fields=["household", "due_on"],
                        name="occ_board",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ("open", "submitted"))),
                        fields=["assignee", "due_on"],
                        name="occ_mine",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("expires_at__isnull", False), ("status", "open")
                        ),
                        fields=["expires_at"],
                        name="occ_expiry",
                    ),
                    models.Index(
                        condition=models.Q(("status__in", ["done", "missed"])),
                        fields=["assignee", "due_on"],
                        include=("status",),
                        name="occ_streak",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="occurrence_tenant"
                    ),
                    models.UniqueConstraint(
                        fields=("chore", "due_on", "slot"), name="occurrence_slot"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("spawned_from__isnull", False)),
                        fields=("spawned_from",),
                        name="occurrence_followed_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                ["open", "submitted", "done", "skipped", "missed"],
                            )
                        ),
                        name="occurrence_status_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("closed_at__isnull", True),
                                ("status__in", ("open", "submitted")),
                            ),
                            models.Q(
                                models.Q(
                                    ("status__in", ("open", "submitted")), _negated=True
                                ),
                                ("closed_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="occurrence_closed",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("opens_on__lte", models.F("due_on"))),
                        name="occurrence_opens",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("expires_at__isnull", True),
                            ("expires_at__gte", models.F("due_at")),
                            _connector="OR",
                        ),
                        name="occurrence_expires",
                    ),
                ],
            },
        ),
        tenant_key("tasks_occurrence", "chore_id", "tasks_chore"),
        tenant_key("tasks_occurrence", "turn_of_id", "households_membership"),
        tenant_key("tasks_occurrence", "assignee_id", "households_membership"),
        tenant_key("tasks_occurrence", "spawned_from_id", "tasks_occurrence"),
        migrations.RunSQL(
            "ALTER TABLE tasks_occurrence"
            " SET (fillfactor = 90, autovacuum_vacuum_scale_factor = 0.02)",
            "ALTER TABLE tasks_occurrence"
            " RESET (fillfactor, autovacuum_vacuum_scale_factor)",
        ),
    ]
