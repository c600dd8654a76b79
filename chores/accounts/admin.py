from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin

from chores.accounts.models import Account, Session, User, VerificationToken
from chores.admin import QuickListAdmin, ReadOnlyAdmin

if TYPE_CHECKING:
    UserBase = BaseUserAdmin[User]
else:
    UserBase = BaseUserAdmin


@admin.register(User)
class UserAdmin(UserBase, QuickListAdmin):
    list_display = ("username", "email", "is_staff", "is_active", "last_login")


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin, QuickListAdmin):
    list_display = ("user", "provider", "uid", "last_login")
    list_select_related = ("user",)
    search_fields = ("user__username", "uid")


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin, QuickListAdmin):
    list_display = ("user", "ip", "user_agent", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__username", "ip")


@admin.register(VerificationToken)
class VerificationTokenAdmin(ReadOnlyAdmin, QuickListAdmin):
    list_display = ("purpose", "household", "member", "expires_at", "uses_left")
    list_filter = ("purpose",)
    list_select_related = ("household", "member")
    exclude = ("digest",)
