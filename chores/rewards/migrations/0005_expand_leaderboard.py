"""Let a leaderboard read its points from an index alone."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("rewards", "0004_expand_ledger_triggers")]

    operations = [
        AddIndexConcurrently(
            model_name="pointentry",
            index=models.Index(
                fields=["household", "day"],
                include=("member", "earned_delta"),
                name="entry_leaderboard",
            ),
        )
    ]
