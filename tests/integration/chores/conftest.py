from __future__ import annotations

from tests.home import home

__all__ = ["home"]
