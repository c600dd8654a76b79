from __future__ import annotations

from chores.households.models.absence import Absence
from chores.households.models.household import Household
from chores.households.models.membership import Membership, Role
from chores.households.models.notice import Notice
from chores.households.models.setting import SystemSetting

__all__ = ["Absence", "Household", "Membership", "Notice", "Role", "SystemSetting"]
