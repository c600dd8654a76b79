"""What the admin pages of several apps share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from chores.exceptions import ChoresError
from chores.households.models import Household, Membership, Role
from chores.households.permissions import Verb, may

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse

    Base = admin.ModelAdmin[Any]
else:
    Base = admin.ModelAdmin

# Rows that a list shows at most; a search finds the others.
MOST = 1000
# Newest rows of a big table among which a filter looks that has no index.
WINDOW = 20_000
# Members whom a search finds; the newest of those with such a name.
FOUND = 20


class UncountedPaginator(Paginator):  # type: ignore[type-arg]
    """Pages over the newest rows: looks for MOST of them, and never counts."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return len(rows.order_by("-pk").values_list("pk", flat=True)[:MOST])


class QuickListAdmin(Base):
    """A list whose time does not grow with its table: the newest, never counted."""

    paginator = UncountedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    ordering = ("-pk",)


class HouseholdRowAdmin(QuickListAdmin):
    """Rows that a household's admins edit, and operators who do not belong to it."""

    def has_change_permission(
        self, request: HttpRequest, obj: Any | None = None
    ) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_edit(request, obj.household_id))

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kw: Any) -> Any:
        """Offer no household of which the user is a member without that right."""
        if db_field.name == "household":
            kw["queryset"] = Household.objects.exclude(pk__in=barred(request))
        return super().formfield_for_foreignkey(db_field, request, **kw)


class ReadOnlyAdmin(Base):
    """Pages to look at: rows come from services and are never edited here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Model | None = None
    ) -> bool:
        return False


class BigTableAdmin(ReadOnlyAdmin, QuickListAdmin):
    """A list of a table with millions of rows, found by member or household."""

    search_fields = ("pk",)
    search_help_text = (
        f"A member's name, or its beginning. The newest {MOST:,} are listed; "
        f"filters look at the newest {WINDOW:,}."
    )
    search_through = "member"
    # What an index finds at any age, as it begins in the address.
    indexed: tuple[str, ...] = ("household", "member")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the members first: a join would walk the big table."""
        if not search_term:
            return self.newest(request, queryset), False
        found = Membership.objects.filter(name__istartswith=search_term)
        rows = found.order_by("-pk").values_list("pk", "household")[:FOUND]
        members, households = zip(*rows, strict=True) if rows else ((), ())
        theirs = {f"{self.search_through}__in": members, "household__in": households}
        return queryset.filter(**theirs), False

    def newest(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Look at the newest rows alone, unless an index finds what is asked for."""
        asked = [f"{name}={value}" for name, value in request.GET.items()]
        if any(part.startswith(self.indexed) for part in asked):
            return queryset
        last = self.model._default_manager.order_by("-pk").values_list("pk", flat=True)
        return queryset.filter(pk__gt=(last.first() or 0) - WINDOW)


def actor_of(request: HttpRequest, household_id: int) -> Membership | None:
    """Return who acts: the user's own membership, else the operator."""
    mine = Membership.objects.filter(household=household_id, user=request.user.pk)
    return mine.active().first()


def may_edit(request: HttpRequest, household_id: int) -> bool:
    """Return whether the user decides for a household, or stands outside of it."""
    return may(actor_of(request, household_id), Verb.EDIT)


def barred(request: HttpRequest) -> QuerySet[Any, Any]:
    """Return the households of which the user is a member and no admin."""
    mine = Membership.objects.filter(user=request.user.pk).active()
    return mine.exclude(role=Role.ADMIN).values("household")


def run_each(
    request: HttpRequest, rows: QuerySet[Any], run: Callable[[Any], object], done: str
) -> None:
    """Run a service for each row, one transaction each; say what was refused."""
    count = 0
    for row in rows:
        try:
            run(row)
        except ChoresError as refusal:
            messages.warning(request, f"{row}: {refusal}")
        except ValidationError as refusal:
            messages.warning(request, f"{row}: {' '.join(refusal.messages)}")
        else:
            count += 1
    if count:
        messages.success(request, f"{count} {done}.")


class NoteForm(forms.Form):
    """A reason, which is required."""

    note = forms.CharField(max_length=200, label="Why")


class NameForm(forms.Form):
    """A name that must be typed."""

    name = forms.CharField(max_length=80, label="Type the name to confirm")


def confirm(
    request: HttpRequest,
    model_admin: Base,
    obj: Model,
    *,
    form_class: type[forms.Form],
    title: str,
    run: Callable[[dict[str, Any]], object],
) -> HttpResponse:
    """Ask once more, then run; a refusal is shown on the form."""
    form = form_class(request.POST or None)
    options = model_admin.model._meta
    if request.method == "POST" and form.is_valid():
        try:
            run(form.cleaned_data)
        except ChoresError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{title}: done.")
            name = f"admin:{options.app_label}_{options.model_name}_changelist"
            return redirect(reverse(name))
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "subtitle": str(obj),
        "form": form,
        "opts": options,
        "original": obj,
    }
    return TemplateResponse(request, "admin/chores/confirm.html", context)
