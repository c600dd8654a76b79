from __future__ import annotations

from django.contrib import admin

from chores.admin import ReadOnlyAdmin
from chores.rewards.models import (
    Achievement,
    PointEntry,
    Redemption,
    Reward,
    UserAchievement,
)


@admin.register(Achievement)
class AchievementAdmin(admin.ModelAdmin[Achievement]):
    list_display = ("__str__", "household", "metric", "threshold", "bonus", "active")
    list_filter = ("metric", "active")
    list_select_related = ("household",)
    search_fields = ("name", "household__name")
    autocomplete_fields = ("household", "chore")


@admin.register(UserAchievement)
class UserAchievementAdmin(admin.ModelAdmin[UserAchievement]):
    list_display = ("achievement", "member", "value", "awarded_at", "revoked_at")
    list_select_related = ("achievement", "member")
    autocomplete_fields = ("household", "member", "achievement")


@admin.register(Reward)
class RewardAdmin(admin.ModelAdmin[Reward]):
    list_display = ("__str__", "household", "cost", "stock", "needs_approval")
    list_select_related = ("household",)
    search_fields = ("name", "household__name")
    autocomplete_fields = ("household",)


@admin.register(Redemption)
class RedemptionAdmin(admin.ModelAdmin[Redemption]):
    list_display = ("reward", "member", "cost", "state", "created_at")
    list_filter = ("state",)
    list_select_related = ("reward", "member")
    autocomplete_fields = ("household", "reward", "member", "decided_by")


@admin.register(PointEntry)
class PointEntryAdmin(ReadOnlyAdmin):
    """A statement to read: entries are made by services and never changed."""

    list_display = ("member", "seq", "day", "kind", "amount", "balance_after", "note")
    list_filter = ("kind",)
    list_select_related = ("member",)
    search_fields = ("member__name",)
    show_full_result_count = False
