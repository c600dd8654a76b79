"""The rows that say what was done to this database.

People and hosts are stored as text and there is no foreign key to a project's
model: the history must outlive whoever made it.
"""

from __future__ import annotations

import uuid

from django.db import models


class Stamp(models.Model):
    """The environment that this database belongs to; one row.

    Unmanaged, made by 0001: flush truncates managed tables only, and a database
    that lost its stamp would be refused by every command.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    environment = models.CharField(max_length=20)
    maintenance_db = models.CharField(max_length=63)
    stamped_by = models.CharField(max_length=200)
    stamped_at = models.DateTimeField()

    class Meta:
        managed = False
        db_table = "migrationops_stamp"

    def __str__(self) -> str:
        return self.environment


class Run(models.Model):
    """One execution of a command that may change the database."""

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        REFUSED = "refused"
        DIFFERS = "differs"
        FAILED = "failed"
        STOPPED = "stopped"
        RESOLVED = "resolved"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    command = models.CharField(max_length=40)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    environment = models.CharField(max_length=20)
    database = models.CharField(max_length=63)
    policy = models.JSONField(default=dict)
    plan = models.JSONField(default=dict)
    fingerprint = models.CharField(max_length=64, blank=True)
    rehearsal = models.JSONField(default=dict)
    backup = models.JSONField(default=dict)
    report = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    remedy = models.TextField(blank=True)
    exit_code = models.SmallIntegerField(null=True)
    post_migrate_due = models.BooleanField(default=False)
    catalog = models.CharField("catalog fingerprint", max_length=64, blank=True)
    operator = models.CharField(max_length=200)
    host = models.CharField(max_length=255)
    pid = models.IntegerField("process id")
    release = models.CharField(max_length=200, blank=True)
    versions = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [
            models.Index(fields=["-started_at"], name="migrationops_run_started"),
            models.Index(
                fields=["state"],
                condition=models.Q(state="open") | models.Q(post_migrate_due=True),
                name="migrationops_run_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.command} {self.id.hex[:8]} ({self.state})"


class Step(models.Model):
    """One stage, migration or statement of a run."""

    class Kind(models.TextChoices):
        STAGE = "stage"
        MIGRATION = "migration"
        STATEMENT = "statement"
        DATA = "data"

    class State(models.TextChoices):
        STARTED = "started"
        DONE = "done"
        FAILED = "failed"

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(Run, models.CASCADE, related_name="steps")
    number = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.STARTED)
    label = models.CharField(max_length=400)
    app = models.CharField(max_length=255, blank=True)
    migration = models.CharField(max_length=255, blank=True)
    position = models.PositiveIntegerField("statement of the migration", null=True)
    sql = models.TextField(blank=True)
    tries = models.PositiveSmallIntegerField(default=1)
    backend = models.JSONField(default=dict)
    detail = models.JSONField(default=dict)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["run", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["run", "number"], name="migrationops_step_number"
            )
        ]

    def __str__(self) -> str:
        return f"{self.number} {self.label}"
