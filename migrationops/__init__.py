"""Change a live PostgreSQL database without fear."""

from __future__ import annotations
