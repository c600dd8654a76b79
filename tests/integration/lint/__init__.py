"""Lint against real servers' answers."""
