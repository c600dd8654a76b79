from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import path
from django.utils.html import format_html

from chores.admin import BigTableAdmin, HouseholdRowAdmin, actor_of, run_each
from chores.households.models import Membership
from chores.tasks import reviews, skips
from chores.tasks.chores import archive_chore, set_paused
from chores.tasks.forms import ChoreForm
from chores.tasks.models import Chore, ChoreCompletion, ChoreParticipant, Occurrence
from chores.tasks.preview import preview, words_of
from chores.tasks.replanning import replan
from chores.tasks.undo import undo

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.forms import BaseInlineFormSet
    from django.urls import URLPattern

PREVIEW = "admin/tasks/chore/preview.html"
INBOX = "state__exact=pending"


class ParticipantInline(admin.TabularInline[ChoreParticipant, Chore]):
    model = ChoreParticipant
    fields = ("member", "position")
    extra = 0
    verbose_name_plural = "Who takes part (nobody here means everybody but guests)"

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kw: Any) -> Any:
        """Offer the chore's own household alone."""
        field = super().formfield_for_foreignkey(db_field, request, **kw)
        chore_id = request.resolver_match.kwargs.get("object_id")
        if db_field.name == "member" and field is not None:
            mine = Membership.objects.filter(household__chores=chore_id)
            field.queryset = mine.active()
        return field


@admin.register(Chore)
class ChoreAdmin(HouseholdRowAdmin):
    form = ChoreForm
    list_display = ("__str__", "household", "in_words", "points", "next_on", "state")
    list_filter = ("schedule", "assign", "paused")
    list_select_related = ("household",)
    search_fields = ("name", "household__name")
    autocomplete_fields = ("household",)
    readonly_fields = ("next_dates",)
    actions = ("pause", "wake", "archive")
    fieldsets = (
        (None, {"fields": ("household", "name", "emoji", "area", "note")}),
        ("Worth", {"fields": (("points", "minutes"), "needs_approval")}),
        (
            "When",
            {
                "fields": (
                    "schedule",
                    ("interval", "repeats"),
                    "weekdays",
                    "ordinal",
                    "months",
                    "every_days",
                    ("starts_on", "ends_on"),
                    "due_time",
                    ("lead_days", "grace_days"),
                    "max_per_day",
                )
            },
        ),
        ("Who", {"fields": ("assign", "turn_every")}),
        ("What that means", {"fields": ("next_dates",)}),
    )

    class Media:
        js = ("tasks/chore_form.js",)
        css = {"all": ("tasks/chore_form.css",)}

    def get_inlines(self, request: HttpRequest, obj: Chore | None) -> Any:
        return (ParticipantInline,) if obj is not None else ()

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A chore never moves to another household."""
        return ("next_dates", *(("household",) if obj is not None else ()))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.preview_view)
        return [path("preview/", view, name="tasks_chore_preview"), *super().get_urls()]

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Put a whole page of chores into words at once."""
        page = super().get_changelist_instance(request)
        chores = list(page.result_list)
        words = words_of(chores)
        for chore in chores:
            chore.words = words[chore.pk]
        page.result_list = chores
        return page

    @admin.display(description="when")
    def in_words(self, chore: Any) -> str:
        words: str = chore.words
        return words

    @admin.display(ordering="paused")
    def state(self, chore: Chore) -> str:
        """Say what is out of the ordinary."""
        return "archived" if chore.archived_at else "paused" if chore.paused else ""

    @admin.display(description="next dates")
    def next_dates(self, chore: Chore | None) -> str:
        shown = preview(chore) if chore is not None and chore.pk else None
        body = render_to_string(PREVIEW, {"preview": shown})
        return format_html('<div id="preview" aria-live="polite">{}</div>', body)

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Return the preview of a form that is not saved yet."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        chores = Chore.objects.filter(pk=request.POST.get("chore") or 0)
        found = chores.select_related("household").first()
        form = ChoreForm(request.POST, instance=found)
        if found is not None:
            del form.fields["household"]
        form.is_valid()
        context: dict[str, Any] = {"errors": form.errors}
        if not form.errors:
            context = {"preview": preview(form.instance, chosen(request))}
        return render(request, PREVIEW, context)

    def save_formset(
        self,
        request: Any,
        form: Any,
        formset: BaseInlineFormSet[Any, Any, Any],
        change: Any,
    ) -> None:
        for row in formset.save(commit=False):
            row.household = form.instance.household
            row.save()
        for row in formset.deleted_objects:
            row.delete()

    def save_related(self, request: Any, form: Any, formsets: Any, change: Any) -> None:
        """Make the occurrences when chore and participants are written."""
        super().save_related(request, form, formsets, change)
        replan([form.instance.pk])

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Pause", permissions=["change"])
    def pause(self, request: HttpRequest, rows: QuerySet[Chore]) -> None:
        self.each(request, rows, partial(set_paused, paused=True), "paused")

    @admin.action(description="Wake", permissions=["change"])
    def wake(self, request: HttpRequest, rows: QuerySet[Chore]) -> None:
        self.each(request, rows, partial(set_paused, paused=False), "awake")

    @admin.action(description="Archive", permissions=["change"])
    def archive(self, request: HttpRequest, rows: QuerySet[Chore]) -> None:
        self.each(request, rows, archive_chore, "archived")

    def each(
        self, request: HttpRequest, rows: Any, run: Callable[..., object], done: str
    ) -> None:
        def one(row: Chore) -> object:
            return run(row.pk, actor=actor_of(request, row.household_id))

        run_each(request, rows, one, done)


def chosen(request: HttpRequest) -> list[int]:
    """Return the participants of an unsaved form in their order."""
    rows = []
    for n in range(int(request.POST.get("participants-TOTAL_FORMS") or 0)):
        member = request.POST.get(f"participants-{n}-member")
        if member and not request.POST.get(f"participants-{n}-DELETE"):
            position = request.POST.get(f"participants-{n}-position") or "0"
            rows.append((int(position), int(member)))
    return [member for _, member in sorted(rows)]


@admin.register(Occurrence)
class OccurrenceAdmin(BigTableAdmin):
    list_display = ("chore", "due_on", "assignee", "status", "due_at")
    list_filter = ("status",)
    list_select_related = ("chore", "assignee")
    search_through = "assignee"
    indexed = ("household", "assignee", "chore")
    actions = ("skip",)

    @admin.action(description="Skip", permissions=["skip"])
    def skip(self, request: HttpRequest, rows: QuerySet[Occurrence]) -> None:
        def run(row: Occurrence) -> object:
            return skips.skip(row.pk, actor=actor_of(request, row.household_id))

        run_each(request, rows, run, "skipped")

    def has_skip_permission(self, request: HttpRequest) -> bool:
        """To skip is a change, though the form is read-only."""
        return request.user.has_perm("tasks.change_occurrence")


@admin.register(ChoreCompletion)
class ChoreCompletionAdmin(BigTableAdmin):
    """The inbox of approvals, and what became of each."""

    list_display = ("chore", "member", "done_on", "state", "points", "on_time", "note")
    list_filter = ("state",)
    list_select_related = ("chore", "member")
    indexed = ("household", "member", INBOX)
    actions = ("approve", "reject", "undo")

    @admin.action(description="Approve", permissions=["review"])
    def approve(self, request: HttpRequest, rows: QuerySet[ChoreCompletion]) -> None:
        self.each(request, rows, reviews.approve, "approved")

    @admin.action(description="Reject", permissions=["review"])
    def reject(self, request: HttpRequest, rows: QuerySet[ChoreCompletion]) -> None:
        self.each(request, rows, reviews.reject, "rejected")

    @admin.action(description="Undo", permissions=["review"])
    def undo(self, request: HttpRequest, rows: QuerySet[ChoreCompletion]) -> None:
        self.each(request, rows, undo, "undone")

    def has_review_permission(self, request: HttpRequest) -> bool:
        """A decision is a change, though the form is read-only."""
        return request.user.has_perm("tasks.change_chorecompletion")

    def each(
        self, request: HttpRequest, rows: Any, run: Callable[..., object], done: str
    ) -> None:
        def one(row: ChoreCompletion) -> object:
            return run(row.pk, actor=actor_of(request, row.household_id))

        run_each(request, rows, one, done)
