"""Add messages that were sent, so that a retry sends each once."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from chores.tenancy import tenant_key


class Migration(migrations.Migration):
    dependencies = [
        ("households", "0004_expand_setting"),
    ]

    operations = [
        migrations.CreateModel(
            name="Notice",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("digest", "Morning digest"),
                            ("approvals", "Approval waits"),
                            ("letter", "Weekly letter"),
                        ],
                        max_length=10,
                    ),
                ),
                ("day", models.DateField()),
                (
                    "sent_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
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
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to="households.membership",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("member", "kind", "day"), name="notice_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["digest", "approvals", "letter"])
                        ),
                        name="notice_kind_known",
                    ),
                ],
            },
        ),
        tenant_key("households_notice", "member_id", "households_membership"),
    ]
