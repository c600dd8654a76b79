"""The stamp, and the history of runs. All of it is new: nothing can be blocked."""

from __future__ import annotations

import uuid

import django.db.models.deletion
from django.db import migrations, models

# Not CreateModel: the model is unmanaged, so that flush leaves the row alone.
STAMP = """
CREATE TABLE migrationops_stamp (
    id smallint PRIMARY KEY CHECK (id = 1),
    environment varchar(20) NOT NULL,
    maintenance_db varchar(63) NOT NULL,
    stamped_by varchar(200) NOT NULL,
    stamped_at timestamptz NOT NULL
)
"""


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.RunSQL(
            STAMP,
            "DROP TABLE migrationops_stamp",
            state_operations=[
                migrations.CreateModel(
                    name="Stamp",
                    fields=[
                        (
                            "id",
                            models.PositiveSmallIntegerField(
                                default=1, primary_key=True, serialize=False
                            ),
                        ),
                        ("environment", models.CharField(max_length=20)),
                        ("maintenance_db", models.CharField(max_length=63)),
                        ("stamped_by", models.CharField(max_length=200)),
                        ("stamped_at", models.DateTimeField()),
                    ],
                    options={
                        "db_table": "migrationops_stamp",
                        "managed": False,
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="Run",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("command", models.CharField(max_length=40)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("done", "Done"),
                            ("refused", "Refused"),
                            ("differs", "Differs"),
                            ("failed", "Failed"),
                            ("stopped", "Stopped"),
                            ("resolved", "Resolved"),
                        ],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("environment", models.CharField(max_length=20)),
                ("database", models.CharField(max_length=63)),
                ("policy", models.JSONField(default=dict)),
                ("plan", models.JSONField(default=dict)),
                ("fingerprint", models.CharField(blank=True, max_length=64)),
                ("rehearsal", models.JSONField(default=dict)),
                ("backup", models.JSONField(default=dict)),
                ("report", models.JSONField(default=dict)),
                ("error", models.TextField(blank=True)),
                ("remedy", models.TextField(blank=True)),
                ("exit_code", models.SmallIntegerField(null=True)),
                ("post_migrate_due", models.BooleanField(default=False)),
                (
                    "catalog",
                    models.CharField(
                        blank=True, max_length=64, verbose_name="catalog fingerprint"
                    ),
                ),
                ("operator", models.CharField(max_length=200)),
                ("host", models.CharField(max_length=255)),
                ("pid", models.IntegerField(verbose_name="process id")),
                ("release", models.CharField(blank=True, max_length=200)),
                ("versions", models.JSONField(default=dict)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-started_at"],
                "indexes": [
                    models.Index(
                        fields=["-started_at"], name="migrationops_run_started"
                    ),
                    models.Index(
                        condition=models.Q(
                            ("state", "open"),
                            ("post_migrate_due", True),
                            _connector="OR",
                        ),
                        fields=["state"],
                        name="migrationops_run_open",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Step",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("stage", "Stage"),
                            ("migration", "Migration"),
                            ("statement", "Statement"),
                            ("data", "Data"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("started", "Started"),
                            ("done", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="started",
                        max_length=10,
                    ),
                ),
                ("label", models.CharField(max_length=400)),
                ("app", models.CharField(blank=True, max_length=255)),
                ("migration", models.CharField(blank=True, max_length=255)),
                (
                    "position",
                    models.PositiveIntegerField(
                        null=True, verbose_name="statement of the migration"
                    ),
                ),
                ("sql", models.TextField(blank=True)),
                ("tries", models.PositiveSmallIntegerField(default=1)),
                ("backend", models.JSONField(default=dict)),
                ("detail", models.JSONField(default=dict)),
                ("error", models.TextField(blank=True)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="steps",
                        to="migrationops.run",
                    ),
                ),
            ],
            options={
                "ordering": ["run", "number"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("run", "number"), name="migrationops_step_number"
                    )
                ],
            },
        ),
    ]
