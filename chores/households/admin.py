from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html

from chores.admin import (
    HouseholdRowAdmin,
    NameForm,
    QuickListAdmin,
    ReadOnlyAdmin,
    actor_of,
    confirm,
    may_edit,
    run_each,
)
from chores.exceptions import NotAllowedError
from chores.households import absences, members
from chores.households.configuration import SETTINGS
from chores.households.forms import AbsenceForm, MembershipForm, SettingForm
from chores.households.households import (
    archive_household,
    furnish,
    purge_household,
    save_household,
)
from chores.households.hub import hub
from chores.households.models import (
    Absence,
    Household,
    Membership,
    Notice,
    SystemSetting,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern


@admin.register(Household)
class HouseholdAdmin(QuickListAdmin):
    """A household's page is its hub; purging it asks for its name."""

    list_display = ("name", "timezone", "created_at", "archived_at")
    list_filter = (("archived_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "slug")
    readonly_fields = ("archived_at", "purge")
    actions = ("archive",)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.purge_view)
        own = path("<int:pk>/purge/", view, name="households_household_purge")
        return [own, *super().get_urls()]

    def change_view(
        self,
        request: Any,
        object_id: Any,
        form_url: Any = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        household = self.get_object(request, object_id)
        shown = {"hub": hub(household)} if household is not None else {}
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **shown}
        )

    def has_change_permission(
        self, request: HttpRequest, obj: Household | None = None
    ) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_edit(request, obj.pk))

    def save_model(self, request: Any, obj: Household, form: Any, change: Any) -> None:
        if change:
            save_household(obj, actor=actor_of(request, obj.pk))
        else:
            obj.save()
            furnish(obj)

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, rows: QuerySet[Household]) -> None:
        def run(household: Household) -> object:
            return archive_household(household, actor=actor_of(request, household.pk))

        run_each(request, rows, run, "archived")

    @admin.display(description="end of life")
    def purge(self, household: Household) -> str:
        if household.pk is None:
            return "-"
        url = reverse("admin:households_household_purge", args=[household.pk])
        return format_html('<a href="{}">Purge with all its history</a>', url)

    def purge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the household's name, then delete all that is its own."""
        household = get_object_or_404(Household, pk=pk)
        allowed = request.user.has_perm("households.delete_household")
        if not (allowed and may_edit(request, pk)):
            raise PermissionDenied
        return confirm(
            request,
            self,
            household,
            form_class=NameForm,
            title="Purge household",
            run=lambda data: purge_household(household, typed_name=data["name"]),
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Membership)
class MembershipAdmin(HouseholdRowAdmin):
    form = MembershipForm
    list_display = ("name", "household", "role", "balance", "earned", "left_at")
    list_filter = ("role", ("left_at", admin.EmptyFieldListFilter))
    list_select_related = ("household",)
    search_fields = ("name", "household__name")
    autocomplete_fields = ("household", "user")
    readonly_fields = ("left_at", "balance", "earned", "entries")
    actions = ("leave", "rejoin")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A member, with all their history, never moves to another household."""
        return (*self.readonly_fields, *(("household",) if obj is not None else ()))

    def save_model(self, request: Any, obj: Membership, form: Any, change: Any) -> None:
        """A new role moves chores; a new member gets some."""
        super().save_model(request, obj, form, change)
        members.settle(obj)

    @admin.action(description="Ask to leave", permissions=["change"])
    def leave(self, request: HttpRequest, rows: QuerySet[Membership]) -> None:
        def run(member: Membership) -> object:
            return members.leave(member, actor=actor_of(request, member.household_id))

        run_each(request, rows, run, "left")

    @admin.action(description="Take back", permissions=["change"])
    def rejoin(self, request: HttpRequest, rows: QuerySet[Membership]) -> None:
        def run(member: Membership) -> object:
            return members.rejoin(member, actor=actor_of(request, member.household_id))

        run_each(request, rows, run, "are back")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@contextmanager
def refused_as_forbidden() -> Iterator[None]:
    """Answer with 403 where a service says that the user may not."""
    try:
        yield
    except NotAllowedError as refusal:
        raise PermissionDenied(str(refusal)) from None


@admin.register(Absence)
class AbsenceAdmin(QuickListAdmin):
    form = AbsenceForm
    fields = ("member", ("first", "last"), "note")
    list_display = ("member", "days", "note")
    list_select_related = ("member",)
    autocomplete_fields = ("member",)

    def save_model(self, request: Any, obj: Absence, form: Any, change: Any) -> None:
        data, actor = form.cleaned_data, actor_of(request, obj.household_id)
        with refused_as_forbidden():
            saved = absences.add_absence(
                obj.member, data["first"], data["last"], actor=actor, note=obj.note
            )
        obj.pk = saved.pk

    def delete_model(self, request: HttpRequest, obj: Absence) -> None:
        with refused_as_forbidden():
            absences.remove_absence(obj, actor=actor_of(request, obj.household_id))

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for absence in queryset:
            self.delete_model(request, absence)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin, QuickListAdmin):
    list_display = ("member", "kind", "day", "sent_at")
    list_filter = ("kind",)
    list_select_related = ("member",)


@admin.register(SystemSetting)
class SystemSettingAdmin(QuickListAdmin):
    form = SettingForm
    ordering = ("key",)
    list_display = ("key", "value", "meaning")

    @admin.display
    def meaning(self, setting: SystemSetting) -> str:
        known = SETTINGS.get(setting.key)
        return known.meaning if known else "not used"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return () if obj is None else ("key",)
