"""Applies a plan to a shadow database and measures what each statement does."""

from __future__ import annotations
