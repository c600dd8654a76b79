"""Prove that no chore has a length of nothing, without blocking writers."""

from __future__ import annotations

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("tasks", "0005_expand_chore_minutes")]

    operations = [ValidateConstraint(model_name="chore", name="chore_minutes_positive")]
