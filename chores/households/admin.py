from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import PermissionDenied, ValidationError
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from django.utils.html import format_html

from chores.admin import (
    NameForm,
    QuickListAdmin,
    ReadOnlyAdmin,
    actor_of,
    confirm,
    run_each,
)
from chores.exceptions import ChoresError
from chores.households import absences, members
from chores.households.configuration import SETTINGS
from chores.households.households import (
    archive_household,
    purge_household,
    save_household,
)
from chores.households.hub import hub
from chores.households.models import (
    Absence,
    Household,
    Membership,
    Notice,
    Role,
    SystemSetting,
)

if TYPE_CHECKING:
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
        household = Household.objects.filter(pk=object_id).first()
        shown = {"hub": hub(household)} if household is not None else {}
        return super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **shown}
        )

    def save_model(self, request: Any, obj: Household, form: Any, change: Any) -> None:
        if change:
            save_household(obj, actor=None)
        else:
            obj.save()

    @admin.action(description="Archive")
    def archive(self, request: HttpRequest, rows: QuerySet[Household]) -> None:
        run_each(request, rows, lambda h: archive_household(h, actor=None), "archived")

    @admin.display(description="end of life")
    def purge(self, household: Household) -> str:
        if household.pk is None:
            return "-"
        url = reverse("admin:households_household_purge", args=[household.pk])
        return format_html('<a href="{}">Purge with all its history</a>', url)

    def purge_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the household's name, then delete all that is its own."""
        household = get_object_or_404(Household, pk=pk)
        if not request.user.has_perm("households.delete_household"):
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


class MembershipForm(forms.ModelForm[Membership]):
    """Refuses to leave a household without an admin."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        stays = cleaned.get("role") == Role.ADMIN and cleaned.get("user") is not None
        if self.instance.pk and not stays:
            _, member = members.lock_member(self.instance)
            try:
                members.require_another_admin(member)
            except ChoresError as refusal:
                raise ValidationError(str(refusal)) from None
        return cleaned


@admin.register(Membership)
class MembershipAdmin(QuickListAdmin):
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

    @admin.action(description="Ask to leave")
    def leave(self, request: HttpRequest, rows: QuerySet[Membership]) -> None:
        def run(member: Membership) -> object:
            return members.leave(member, actor=actor_of(request, member.household_id))

        run_each(request, rows, run, "left")

    @admin.action(description="Take back")
    def rejoin(self, request: HttpRequest, rows: QuerySet[Membership]) -> None:
        run_each(request, rows, lambda m: members.rejoin(m, actor=None), "are back")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class AbsenceForm(forms.ModelForm[Absence]):
    """Both dates are inclusive."""

    first = forms.DateField(widget=AdminDateWidget)
    last = forms.DateField(widget=AdminDateWidget)

    class Meta:
        model = Absence
        fields = ("member", "note")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if {"member", "first", "last"} <= set(cleaned):
            try:
                days = absences.day_range(cleaned["first"], cleaned["last"])
            except ChoresError as refusal:
                raise ValidationError(str(refusal)) from None
            self.instance.household_id = cleaned["member"].household_id
            self.instance.days = days
            self.instance.member = cleaned["member"]
            self.instance.validate_constraints()
        return cleaned


@admin.register(Absence)
class AbsenceAdmin(QuickListAdmin):
    form = AbsenceForm
    fields = ("member", ("first", "last"), "note")
    list_display = ("member", "days", "note")
    list_select_related = ("member",)
    autocomplete_fields = ("member",)

    def save_model(self, request: Any, obj: Absence, form: Any, change: Any) -> None:
        data = form.cleaned_data
        saved = absences.add_absence(
            obj.member, data["first"], data["last"], actor=None, note=obj.note
        )
        obj.pk = saved.pk

    def delete_model(self, request: HttpRequest, obj: Absence) -> None:
        absences.remove_absence(obj, actor=None)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for absence in queryset:
            absences.remove_absence(absence, actor=None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin, QuickListAdmin):
    list_display = ("member", "kind", "day", "sent_at")
    list_filter = ("kind",)
    list_select_related = ("member",)


class SettingForm(forms.ModelForm[SystemSetting]):
    """A value is checked by its key's type."""

    class Meta:
        model = SystemSetting
        fields = ("key", "value")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        key = cleaned.get("key") or self.instance.key
        if key not in SETTINGS:
            raise ValidationError(f"Settings are {', '.join(sorted(SETTINGS))}.")
        if "value" in cleaned:
            SETTINGS[key].parse(cleaned["value"])
        return cleaned


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
