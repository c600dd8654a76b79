"""Django's PostgreSQL backend over the embedded server."""

from __future__ import annotations
