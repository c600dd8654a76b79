"""Let operators read one day of all households by a small index.

Completions are appended in the order of time, which a BRIN index needs.
"""

from __future__ import annotations

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("tasks", "0003_expand_completion")]

    operations = [
        AddIndexConcurrently(
            model_name="chorecompletion",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["done_on"], name="completion_dates"
            ),
        )
    ]
