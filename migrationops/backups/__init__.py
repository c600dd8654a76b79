"""Backups that are proven, and their way back; knows nothing of migrations."""

from __future__ import annotations
