"""Believable data: three vivid households, or as many as are asked for.

Histories are made in memory and copied in, with balances worked out here and
verified against the ledger in the same transaction.
"""

from __future__ import annotations

from chores.scenarios.clearing import clear
from chores.scenarios.load import load

__all__ = ["clear", "load"]
