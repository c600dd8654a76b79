from __future__ import annotations

from django.db import models


class SystemSetting(models.Model):
    """An override of a typed default; see chores.households.configuration."""

    key = models.CharField(max_length=60, unique=True)
    value = models.JSONField()

    class Meta:
        ordering = ["key"]

    def __str__(self) -> str:
        return self.key
