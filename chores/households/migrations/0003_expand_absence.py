"""Add absences; two of one member never overlap."""

from __future__ import annotations

import django.contrib.postgres.constraints
import django.contrib.postgres.fields.ranges
import django.db.models.deletion
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [
        ("households", "0002_expand_membership"),
    ]

    operations = [
        migrations.CreateModel(
            name="Absence",
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
                ("days", django.contrib.postgres.fields.ranges.DateRangeField()),
                ("note", models.CharField(blank=True, max_length=200)),
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
                        related_name="absences",
                        to="households.membership",
                    ),
                ),
            ],
            options={
                "constraints": [
                    django.contrib.postgres.constraints.ExclusionConstraint(
                        expressions=[
                            (
                                models.Func(
                                    models.F("member"),
                                    models.F("member"),
                                    models.Value("[]"),
                                    function="int8range",
                                    output_field=django.contrib.postgres.fields.ranges.BigIntegerRangeField(),
                                ),
                                "&&",
                            ),
                            ("days", "&&"),
                        ],
                        name="absence_no_overlap",
                        violation_error_message="This overlaps another absence.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("days__isempty", False)),
                        name="absence_has_days",
                        violation_error_message="An absence lasts a day at least.",
                    ),
                ],
            },
        ),
        tenant_key("households_absence", "member_id", "households_membership"),
    ]
