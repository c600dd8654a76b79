from __future__ import annotations

from django.contrib import admin

from chores.households.models import (
    Absence,
    Household,
    Membership,
    Notice,
    SystemSetting,
)


class MembershipInline(admin.TabularInline[Membership, Household]):
    model = Membership
    fields = ("name", "emoji", "role", "user", "left_at", "balance", "earned")
    readonly_fields = ("balance", "earned")
    autocomplete_fields = ("user",)
    extra = 0


@admin.register(Household)
class HouseholdAdmin(admin.ModelAdmin[Household]):
    list_display = ("name", "timezone", "created_at", "archived_at")
    search_fields = ("name", "slug")
    inlines = (MembershipInline,)


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin[Membership]):
    list_display = ("name", "household", "role", "balance", "earned", "left_at")
    list_filter = ("role",)
    list_select_related = ("household",)
    search_fields = ("name", "household__name")
    autocomplete_fields = ("household", "user")
    readonly_fields = ("balance", "earned", "entries")


@admin.register(Absence)
class AbsenceAdmin(admin.ModelAdmin[Absence]):
    list_display = ("member", "days", "note")
    list_select_related = ("member",)
    autocomplete_fields = ("household", "member")


@admin.register(Notice)
class NoticeAdmin(admin.ModelAdmin[Notice]):
    list_display = ("member", "kind", "day", "sent_at")
    list_select_related = ("member",)
    autocomplete_fields = ("household", "member")


@admin.register(SystemSetting)
class SystemSettingAdmin(admin.ModelAdmin[SystemSetting]):
    list_display = ("key", "value")
