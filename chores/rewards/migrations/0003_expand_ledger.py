"""Add the ledger's table; its triggers follow in the next migration.

Rows are only ever inserted: an early vacuum keeps index-only scans so.
"""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.datetime
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [
        ("rewards", "0002_expand_reward"),
        ("tasks", "0003_expand_completion"),
    ]

    operations = [
        migrations.CreateModel(
            name="PointEntry",
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
                ("seq", models.IntegerField(db_default=0, editable=False)),
                ("balance_after", models.IntegerField(db_default=0, editable=False)),
                ("earned_delta", models.IntegerField(db_default=0, editable=False)),
                (
                    "day",
                    models.DateField(
                        db_default=django.db.models.functions.comparison.Cast(
                            django.db.models.functions.datetime.Now(),
                            models.DateField(),
                        ),
                        editable=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("chore", "Chore"),
                            ("bonus", "Bonus"),
                            ("penalty", "Penalty"),
                            ("badge", "Badge"),
                            ("redeem", "Redeem"),
                            ("reversal", "Reversal"),
                        ],
                        max_length=8,
                    ),
                ),
                ("amount", models.IntegerField()),
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
                    "completion",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="point_entries",
                        to="tasks.chorecompletion",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="+",
                        to="households.membership",
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
                        related_name="point_entries",
                        to="households.membership",
                    ),
                ),
                (
                    "reverses",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="reversals",
                        to="rewards.pointentry",
                    ),
                ),
                (
                    "redemption",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="point_entries",
                        to="rewards.redemption",
                    ),
                ),
                (
                    "badge",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="point_entries",
                        to="rewards.userachievement",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "point entries",
                "indexes": [],
                "constraints": [
                    models.UniqueConstraint(fields=("member", "seq"), name="entry_seq"),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "chore")),
                        fields=("completion",),
                        name="entry_completion_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "redeem")),
                        fields=("redemption",),
                        name="entry_redemption_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("kind", "badge")),
                        fields=("badge",),
                        name="entry_badge_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("reverses__isnull", False)),
                        fields=("reverses",),
                        name="entry_reversed_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("nonce__isnull", False)),
                        fields=("member", "nonce"),
                        name="entry_nonce",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("amount__gt", 0),
                                ("kind", "chore"),
                                ("badge__isnull", True),
                                ("completion__isnull", False),
                                ("redemption__isnull", True),
                                ("reverses__isnull", True),
                            ),
                            models.Q(
                                ("amount__gt", 0),
                                ("kind", "bonus"),
                                ("badge__isnull", True),
                                ("completion__isnull", True),
                                ("redemption__isnull", True),
                                ("reverses__isnull", True),
                            ),
                            models.Q(
                                ("amount__lt", 0),
                                ("kind", "penalty"),
                                ("badge__isnull", True),
                                ("completion__isnull", True),
                                ("redemption__isnull", True),
                                ("reverses__isnull", True),
                                models.Q(("note", ""), _negated=True),
                            ),
                            models.Q(
                                ("amount__gt", 0),
                                ("kind", "badge"),
                                ("badge__isnull", False),
                                ("completion__isnull", True),
                                ("redemption__isnull", True),
                                ("reverses__isnull", True),
                            ),
                            models.Q(
                                ("amount__lt", 0),
                                ("kind", "redeem"),
                                ("badge__isnull", True),
                                ("completion__isnull", True),
                                ("redemption__isnull", False),
                                ("reverses__isnull", True),
                            ),
                            models.Q(
                                ("kind", "reversal"),
                                models.Q(("amount", 0), _negated=True),
                                ("badge__isnull", True),
                                ("completion__isnull", True),
                                ("redemption__isnull", True),
                                ("reverses__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="entry_shape",
                        violation_error_message="The kind, the sign and the cause of an entry belong together; a penalty has a note.",
                    ),
                ],
            },
        ),
        # Not in CreateModel, which puts it off until after the key on reverses.
        migrations.AddConstraint(
            model_name="pointentry",
            constraint=models.UniqueConstraint(
                fields=("household", "id"), name="entry_tenant"
            ),
        ),
        tenant_key("rewards_pointentry", "member_id", "households_membership"),
        tenant_key("rewards_pointentry", "completion_id", "tasks_chorecompletion"),
        tenant_key("rewards_pointentry", "redemption_id", "rewards_redemption"),
        tenant_key("rewards_pointentry", "badge_id", "rewards_userachievement"),
        tenant_key("rewards_pointentry", "reverses_id", "rewards_pointentry"),
        tenant_key("rewards_pointentry", "created_by_id", "households_membership"),
        migrations.RunSQL(
            "ALTER TABLE rewards_pointentry"
            " SET (autovacuum_vacuum_insert_scale_factor = 0.02)",
            "ALTER TABLE rewards_pointentry"
            " RESET (autovacuum_vacuum_insert_scale_factor)",
        ),
    ]
