"""Throw-away databases, and processes that can reach nothing else."""

from __future__ import annotations
