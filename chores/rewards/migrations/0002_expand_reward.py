"""Add what points buy, and who asked for it."""

from __future__ import annotations

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
import django.db.models.functions.text
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [
        ("rewards", "0001_expand_achievement"),
    ]

    operations = [
        migrations.CreateModel(
            name="Reward",
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
                    "cost",
                    models.PositiveIntegerField(
                        validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                (
                    "stock",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Empty means as many as are asked for.",
                        null=True,
                    ),
                ),
                ("needs_approval", models.BooleanField(default=True)),
                ("archived_at", models.DateTimeField(blank=True, null=True)),
                (
                    "household",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rewards",
                        to="households.household",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="reward_tenant"
                    ),
                    models.UniqueConstraint(
                        models.F("household"),
                        django.db.models.functions.text.Lower("name"),
                        condition=models.Q(("archived_at__isnull", True)),
                        name="reward_name_ci",
                        violation_error_message="The household has a reward of that name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cost__gt", 0)), name="reward_costs"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Redemption",
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
                ("cost", models.PositiveIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("granted", "Granted"),
                            ("delivered", "Delivered"),
                            ("declined", "Declined"),
                            ("cancelled", "Cancelled"),
                            ("refunded", "Refunded"),
                        ],
                        max_length=9,
                    ),
                ),
                ("nonce", models.UUIDField(blank=True, editable=False, null=True)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                    ),
                ),
                (
                    "decided_by",
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
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="redemptions",
                        to="households.membership",
                    ),
                ),
                (
                    "reward",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.RESTRICT,
                        related_name="redemptions",
                        to="rewards.reward",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "requested")),
                        fields=["household", "created_at"],
                        name="redemption_inbox",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("household", "id"), name="redemption_tenant"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("nonce__isnull", False)),
                        fields=("member", "nonce"),
                        name="redemption_nonce",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cost__gt", 0)), name="redemption_costs"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "requested",
                                    "granted",
                                    "delivered",
                                    "declined",
                                    "cancelled",
                                    "refunded",
                                ],
                            )
                        ),
                        name="redemption_state_known",
                    ),
                ],
            },
        ),
        tenant_key("rewards_redemption", "reward_id", "rewards_reward"),
        tenant_key("rewards_redemption", "member_id", "households_membership"),
        tenant_key("rewards_redemption", "decided_by_id", "households_membership"),
    ]
