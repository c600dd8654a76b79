"""Refuse new chores of no length; the next migration looks at the old ones."""

from __future__ import annotations

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tasks", "0004_expand_completion_dates")]

    operations = [
        AddConstraintNotValid(
            model_name="chore",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("minutes__isnull", True), ("minutes__gt", 0), _connector="OR"
                ),
                name="chore_minutes_positive",
                violation_error_message="Even a short chore takes a minute.",
            ),
        )
    ]
