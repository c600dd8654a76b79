"""Make the tenant that every other table belongs to."""

from __future__ import annotations

import django.core.validators
import django.db.models.functions.datetime
from django.db import migrations, models

import chores.households.models.household


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Household",
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
                    "slug",
                    models.SlugField(
                        default=chores.households.models.household.new_slug,
                        max_length=60,
                        unique=True,
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                (
                    "timezone",
                    models.CharField(
                        default="UTC",
                        max_length=64,
                        validators=[
                            chores.households.models.household.validate_timezone
                        ],
                    ),
                ),
                (
                    "day_starts_hour",
                    models.PositiveSmallIntegerField(
                        default=0,
                        help_text="The hour (0 to 6) at which a new day begins.",
                        validators=[django.core.validators.MaxValueValidator(6)],
                    ),
                ),
                (
                    "week_starts_on",
                    models.PositiveSmallIntegerField(
                        choices=[
                            (0, "Monday"),
                            (1, "Tuesday"),
                            (2, "Wednesday"),
                            (3, "Thursday"),
                            (4, "Friday"),
                            (5, "Saturday"),
                            (6, "Sunday"),
                        ],
                        default=0,
                    ),
                ),
                ("points_name", models.CharField(default="points", max_length=20)),
                ("show_leaderboard", models.BooleanField(default=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                    ),
                ),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("day_starts_hour__lte", 6)),
                        name="household_day_start",
                        violation_error_message="A day starts between midnight and 6 o'clock.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("week_starts_on__in", [0, 1, 2, 3, 4, 5, 6])
                        ),
                        name="household_week_start",
                    ),
                ],
            },
        ),
    ]
