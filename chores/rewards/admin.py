from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html

from chores.admin import (
    BigTableAdmin,
    HouseholdRowAdmin,
    NoteForm,
    actor_of,
    confirm,
    run_each,
)
from chores.rewards import shop
from chores.rewards.ledger import reverse_adjustment
from chores.rewards.models import (
    Achievement,
    Kind,
    PointEntry,
    Redemption,
    Reward,
    UserAchievement,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

# The admin has a colour for errors in both schemes, and none for the opposite.
GAIN = "light-dark(#1c6b3c, #7bd88f)"


@admin.register(Achievement)
class AchievementAdmin(HouseholdRowAdmin):
    list_display = ("__str__", "household", "metric", "threshold", "bonus", "active")
    list_filter = ("metric", "active")
    list_select_related = ("household",)
    search_fields = ("name", "household__name")
    autocomplete_fields = ("household", "chore")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("household",)


@admin.register(UserAchievement)
class UserAchievementAdmin(BigTableAdmin):
    list_display = ("achievement", "member", "value", "awarded_at", "revoked_at")
    list_select_related = ("achievement", "member")


@admin.register(Reward)
class RewardAdmin(HouseholdRowAdmin):
    list_display = ("__str__", "household", "cost", "stock", "needs_approval")
    list_select_related = ("household",)
    search_fields = ("name", "household__name")
    autocomplete_fields = ("household",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("household",)


@admin.register(Redemption)
class RedemptionAdmin(BigTableAdmin):
    list_display = ("reward", "member", "cost", "state", "created_at")
    list_filter = ("state",)
    list_select_related = ("reward", "member")
    actions = ("grant", "decline", "deliver", "refund")

    @admin.action(description="Grant", permissions=["decide"])
    def grant(self, request: HttpRequest, rows: QuerySet[Redemption]) -> None:
        self.each(request, rows, shop.grant, "granted")

    @admin.action(description="Decline", permissions=["decide"])
    def decline(self, request: HttpRequest, rows: QuerySet[Redemption]) -> None:
        self.each(request, rows, shop.decline, "declined")

    @admin.action(description="Deliver", permissions=["decide"])
    def deliver(self, request: HttpRequest, rows: QuerySet[Redemption]) -> None:
        self.each(request, rows, shop.deliver, "delivered")

    @admin.action(description="Refund", permissions=["decide"])
    def refund(self, request: HttpRequest, rows: QuerySet[Redemption]) -> None:
        self.each(request, rows, shop.refund, "refunded")

    def has_decide_permission(self, request: HttpRequest) -> bool:
        """A decision is a change, though the form is read-only."""
        return request.user.has_perm("rewards.change_redemption")

    def each(
        self, request: HttpRequest, rows: Any, run: Callable[..., object], done: str
    ) -> None:
        def one(row: Redemption) -> object:
            return run(row.pk, actor=actor_of(request, row.household_id))

        run_each(request, rows, one, done)


@admin.register(PointEntry)
class PointEntryAdmin(BigTableAdmin):
    """A statement to read; what is reversed here is a bonus or a penalty."""

    list_display = (
        "member",
        "seq",
        "day",
        "kind",
        "coloured",
        "balance_after",
        "cause",
        "note",
    )
    list_filter = ("kind",)
    list_select_related = (
        "member",
        "completion__chore",
        "redemption__reward",
        "badge__achievement",
        "reverses",
    )

    def get_queryset(self, request: HttpRequest) -> Any:
        """Know of each entry whether it is reversed."""
        reversals = PointEntry.objects.filter(reverses=OuterRef("pk"))
        return super().get_queryset(request).annotate(reversed=Exists(reversals))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.reverse_view)
        own = path("<int:pk>/reverse/", view, name="rewards_pointentry_reverse")
        return [own, *super().get_urls()]

    @admin.display(description="amount", ordering="amount")
    def coloured(self, entry: PointEntry) -> str:
        return format_html(
            '<strong style="color: {}">{}</strong>',
            GAIN if entry.amount > 0 else "var(--error-fg)",
            f"{entry.amount:+d}",
        )

    @admin.display
    def cause(self, entry: Any) -> str:
        """Link to what made the entry, or to its reversal."""
        if entry.completion is not None:
            return link(entry.completion, str(entry.completion.chore))
        if entry.redemption is not None:
            return link(entry.redemption, str(entry.redemption.reward))
        if entry.badge is not None:
            return link(entry.badge, str(entry.badge.achievement))
        if entry.reverses is not None:
            return link(entry.reverses, f"reverses {entry.reverses.seq}")
        if entry.reversed:
            return "reversed"
        if entry.kind in (Kind.BONUS, Kind.PENALTY):
            url = reverse("admin:rewards_pointentry_reverse", args=[entry.pk])
            return format_html('<a href="{}">Reverse</a>', url)
        return ""

    def reverse_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask why, then mirror the entry."""
        if not request.user.has_perm("rewards.add_pointentry"):
            raise PermissionDenied
        entry = get_object_or_404(PointEntry.objects.select_related("member"), pk=pk)

        def run(data: dict[str, Any]) -> object:
            actor = actor_of(request, entry.household_id)
            return reverse_adjustment(entry, actor=actor, note=data["note"])

        return confirm(
            request, self, entry, form_class=NoteForm, title="Reverse entry", run=run
        )


def link(row: Any, text: str) -> str:
    """Return a link to a row's admin page."""
    options = row._meta
    name = f"admin:{options.app_label}_{options.model_name}_change"
    return format_html('<a href="{}">{}</a>', reverse(name, args=[row.pk]), text)
