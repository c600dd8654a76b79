from __future__ import annotations

from chores.accounts.models.proxies import Account, Session
from chores.accounts.models.token import VerificationToken
from chores.accounts.models.user import User

__all__ = ["Account", "Session", "User", "VerificationToken"]
