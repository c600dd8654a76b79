"""Add chores and who takes part in them."""

from __future__ import annotations

import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("households", "0002_expand_membership"),
    ]

    operations = [
        migrations.CreateModel(
            name="Chore",
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
                ("name", models.CharField(max_length=80)),
                ("emoji", models.CharField(blank=True, max_length=8)),
                (
                    "area",
                    models.CharField(
                        blank=True, help_text="A room, say.", max_length=40
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=500)),
                (
                    "points",
                    models.PositiveSmallIntegerField(
                        default=10,
                        validators=[django.core.validators.MaxValueValidator(1000)],
                    ),
                ),
                ("minutes", models.PositiveSmallIntegerField(blank=True, null=True)),
                (
                    "schedule",
                    models.CharField(
                        choices=[
                            ("calendar", "On calendar dates"),
                            ("after", "Some days after it was done"),
                            ("once", "Once"),
                            ("anytime", "As needed"),
                        ],
                        default="calendar",
                        max_length=8,
                    ),
                ),
                (
                    "rrule",
                    models.CharField(
                        blank=True,
                        help_text="RFC 5545, without DTSTART.",
                        max_length=200,
                        verbose_name="rule",
                    ),
                ),
                (
                    "every_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                ("starts_on", models.DateField()),
                ("ends_on", models.DateField(blank=True, null=True)),
                (
                    "due_time",
                    models.TimeField(
                        blank=True,
                        help_text="Empty means by the end of the day.",
                        null=True,
                    ),
                ),
                (
                    "lead_days",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="How many days before it is due it may be done.",
                    ),
                ),
                (
                    "grace_days",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Days after which it is missed; empty means when the next is due.",
                        null=True,
                    ),
                ),
                (
                    "max_per_day",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "assign",
                    models.CharField(
                        choices=[
                            ("anyone", "Anyone, first come"),
                            ("turns", "Taking turns"),
                            ("everyone", "Everyone, each their own"),
                        ],
                        default="anyone",
                        max_length=8,
                    ),
                ),
                (
                    "turn_every",
                    models.CharField(
                        choices=[("occurrence", "Each time"), ("week", "Each week")],
                        default="occurrence",
                        max_length=10,
                    ),
                ),
                ("needs_approval", models.BooleanField(default=False)),
                ("paused", models.BooleanField(default=False)),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "next_on",
                    models.DateField(
                        blank=True,
                        editable=False,
                        help_text="The first date that is not generated yet.",
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
                    "household",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="chores",
                        to="households.household",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(
                            ("archived_at__isnull", True), ("next_on__isnull", False)
                        ),
                        fields=["next_on"],
                        name="chore_next_on",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="chore_tenant"
                    ),
                    models.UniqueConstraint(
                        models.F("household"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("archived_at__isnull", True)),
                        name="chore_name_ci",
                        violation_error_message="The household has a chore of that name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("points__lte", 1000)),
                        name="chore_points_range",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("every_days__isnull", True),
                                ("schedule", "calendar"),
                                models.Q(("rrule", ""), _negated=True),
                            ),
                            models.Q(
                                ("every_days__gte", 1),
                                ("every_days__isnull", False),
                                ("grace_days__isnull", True),
                                ("lead_days__lt", models.F("every_days")),
                                ("rrule", ""),
                                ("schedule", "after"),
                            ),
                            models.Q(
                                ("schedule__in", ["once", "anytime"]),
                                ("every_days__isnull", True),
                                ("rrule", ""),
                            ),
                            _connector="OR",
                        ),
                        name="chore_schedule_shape",
                        violation_error_message="A calendar chore has a rule; one some days after it was done has that number, more than its lead and no grace; others have neither.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("ends_on__isnull", True),
                            ("ends_on__gte", models.F("starts_on")),
                            _connector="OR",
                        ),
                        name="chore_ends_after_start",
                        violation_error_message="It ends before it starts.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("turn_every__in", ["occurrence", "week"]),
                            models.Q(
                                ("assign", "anyone"),
                                models.Q(
                                    ("assign", "turns"),
                                    ("schedule__in", ["calendar", "after", "once"]),
                                ),
                                models.Q(
                                    ("assign", "everyone"),
                                    ("schedule__in", ["calendar", "once"]),
                                ),
                                _connector="OR",
                            ),
                        ),
                        name="chore_assign_fits",
                        violation_error_message="Everyone each is for dates, and a chore as needed is for anyone.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("max_per_day__isnull", True),
                            models.Q(("max_per_day__gte", 1), ("schedule", "anytime")),
                            _connector="OR",
                        ),
                        name="chore_max_per_day_anytime",
                        violation_error_message="Only a chore as needed is limited per day.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChoreParticipant",
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
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "chore",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="participants",
                        to="tasks.chore",
                    ),
                ),
                (
                    "household",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        to="households.household",
                    ),
                ),
                (
                    "member",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="participations",
                        to="households.membership",
                    ),
                ),
            ],
            options={
                "ordering": ["position"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("chore", "member"),
                        name="participant_once",
                        violation_error_message="This member takes part already.",
                    ),
                    models.UniqueConstraint(
                        deferrable=django.db.models.constraints.Deferrable["DEFERRED"],
                        fields=("chore", "position"),
                        name="participant_position",
                        violation_error_message="Two members have the same position.",
                    ),
                ],
            },
        ),
        tenant_key("tasks_choreparticipant", "chore_id", "tasks_chore"),
        tenant_key("tasks_choreparticipant", "member_id", "households_membership"),
    ]
