"""Speaks to PostgreSQL servers and client programs; knows nothing of migrations."""

from __future__ import annotations
