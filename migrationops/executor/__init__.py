"""Runs a plan on the live database, statement by statement."""

from __future__ import annotations
