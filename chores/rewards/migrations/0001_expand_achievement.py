"""Add achievements and the badges that members hold."""

from __future__ import annotations

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tasks", "0001_expand_chore"),
    ]

    operations = [
        migrations.CreateModel(
            name="Achievement",
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
                ("code", models.SlugField(max_length=40)),
                ("name", models.CharField(max_length=60)),
                ("emoji", models.CharField(blank=True, max_length=8)),
                (
                    "metric",
                    models.CharField(
                        choices=[
                            ("completions", "Chores done"),
                            ("points", "Points earned"),
                            ("day_streak", "Days in a row"),
                            ("on_time", "Done on time"),
                            ("early", "Done a day early"),
                            ("distinct_chores", "Different chores"),
                            ("helped", "Done for others"),
                            ("reviews", "Reviews given"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "threshold",
                    models.PositiveIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                ("bonus", models.PositiveSmallIntegerField(default=0)),
                ("active", models.BooleanField(default=True)),
                (
                    "chore",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        help_text="Counts this chore alone.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        to="tasks.chore",
                    ),
                ),
                (
                    "household",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="achievements",
                        to="households.household",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="achievement_tenant"
                    ),
                    models.UniqueConstraint(
                        fields=("household", "code"),
                        name="achievement_code",
                        violation_error_message="The household has this achievement already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "metric__in",
                                [
                                    "completions",
                                    "points",
                                    "day_streak",
                                    "on_time",
                                    "early",
                                    "distinct_chores",
                                    "helped",
                                    "reviews",
                                ],
                            )
                        ),
                        name="achievement_metric_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("threshold__gt", 0)),
                        name="achievement_threshold_positive",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UserAchievement",
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
                    "value",
                    models.PositiveIntegerField(
                        help_text="The metric when it was awarded."
                    ),
                ),
                (
                    "awarded_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now()
                    ),
                ),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                (
                    "achievement",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="awards",
                        to="rewards.achievement",
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
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="badges",
                        to="households.membership",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="badge_tenant"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True)),
                        fields=("member", "achievement"),
                        name="badge_once",
                        violation_error_message="The member holds this badge.",
                    ),
                ],
            },
        ),
        tenant_key("rewards_achievement", "chore_id", "tasks_chore"),
        tenant_key("rewards_userachievement", "member_id", "households_membership"),
        tenant_key("rewards_userachievement", "achievement_id", "rewards_achievement"),
    ]
