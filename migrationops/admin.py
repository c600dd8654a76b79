"""The history in the admin: to be read, never to be changed there.

A restore or a rollback is done by a person at a terminal, so there is no button.
Everything shown is data of the run: its plan may name what this release never had.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.models import F, Func, IntegerField, QuerySet
from django.db.models.fields.json import KT
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.timezone import localtime

from migrationops.charts import Bar, bars
from migrationops.models import Run
from migrationops.run_page import details, seconds
from migrationops.wording import duration

if TYPE_CHECKING:
    RunModelAdmin = admin.ModelAdmin[Run]
else:
    RunModelAdmin = admin.ModelAdmin

_CHARTED = 30  # runs
_ERROR = 120  # characters of an error in the list
_BULKY = ["policy", "plan", "rehearsal", "backup", "report", "versions"]


class DatabaseFilter(admin.SimpleListFilter):
    """Which alias's history is shown: each database carries its own."""

    title = "database"
    parameter_name = "alias"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        others = [a for a in _aliases() if a != DEFAULT_DB_ALIAS]
        return [(alias, alias) for alias in others]

    def choices(self, changelist: Any) -> Iterator[Any]:
        everything, *others = super().choices(changelist)
        return iter([{**everything, "display": DEFAULT_DB_ALIAS}, *others])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset  # RunAdmin.get_queryset has chosen


@admin.register(Run)
class RunAdmin(RunModelAdmin):
    list_display = [
        "started",
        "outcome",
        "what",
        "took",
        "backed_up",
        "operator",
    ]
    list_filter = [DatabaseFilter, "state", "command", "environment"]
    search_fields = ["id", "operator", "release", "steps__label"]
    search_help_text = "A migration, a person, a release or a run's id"
    date_hierarchy = "started_at"
    list_per_page = 50
    fieldsets = [(None, {"fields": []})]  # the template shows the run

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """Return the runs of the alias that the filter names."""
        runs, alias = super().get_queryset(request), _chosen(request)
        return runs.using(alias) if _is_readable(alias) else runs.none()

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Run | None:
        """Look for a run in every database: its id is its own."""
        try:
            key = UUID(object_id)
        except ValueError:
            return None
        found = (
            Run.objects.using(alias).filter(pk=key).first()
            for alias in _aliases()
            if _is_readable(alias)
        )
        return next(filter(None, found), None)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(
        self, request: HttpRequest, obj: Run | None = None
    ) -> bool:
        return False

    def has_delete_permission(
        self, request: HttpRequest, obj: Run | None = None
    ) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not _is_readable(alias := _chosen(request)):
            # Nothing to show is not the same as nothing that happened.
            warning = f"Database {alias!r} does not answer, or has no history."
            messages.warning(request, warning)
        latest = _light(self.get_queryset(request)).order_by("-started_at")[:_CHARTED]
        charted = list(reversed(latest))
        context = {
            "title": "History",
            "chart": bars(_bar(run) for run in charted),
            "longest": duration(max((seconds(r) or 0 for r in charted), default=0)),
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Read of each run only what a line shows: a plan may be very long."""
        changes = super().get_changelist_instance(request)
        changes.result_list = _light(changes.result_list)
        return changes

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Run | None = None,
    ) -> HttpResponse:
        context.update(_title(obj) | details(obj) if obj else {})
        return super().render_change_form(request, context, add, change, form_url, obj)

    @admin.display(description="started", ordering="started_at")
    def started(self, run: Run) -> str:
        return f"{localtime(run.started_at):%Y-%m-%d %H:%M:%S}"

    @admin.display(description="outcome", ordering="state")
    def outcome(self, run: Run) -> SafeString:
        return format_html(
            '<span class="ops-state ops-{}">{}</span>', run.state, run.state
        )

    @admin.display(description="what")
    def what(self, run: Any) -> SafeString:
        return format_html(
            '{}{}<div class="ops-error">{}</div>',
            run.command,
            _migrations(run.migrations or 0),
            Truncator(run.error).chars(_ERROR),
        )

    @admin.display(description="took")
    def took(self, run: Run) -> str:
        return duration(seconds(run))

    @admin.display(description="backup")
    def backed_up(self, run: Any) -> str:
        return run.proof or "-"


def _chosen(request: HttpRequest) -> str:
    return request.GET.get(DatabaseFilter.parameter_name, DEFAULT_DB_ALIAS)


def _aliases() -> list[str]:
    """Return the aliases of PostgreSQL, of several for one database one."""
    seen: dict[tuple[Any, ...], str] = {}
    for alias in sorted(connections, key=lambda a: a != DEFAULT_DB_ALIAS):
        if connections[alias].vendor == "postgresql":
            seen.setdefault(_place(connections[alias].settings_dict), alias)
    return list(seen.values())


def _place(given: dict[str, Any]) -> tuple[Any, ...]:
    """Return what tells a database from others; OPTIONS may say it as well."""
    options = given["OPTIONS"]
    return (
        options.get("service"),
        options.get("host", given["HOST"]),
        options.get("port", given["PORT"]),
        options.get("dbname", given["NAME"]),
    )


def _is_readable(alias: str) -> bool:
    """Whether the database answers and has our tables, as the admin's own must."""
    if alias == DEFAULT_DB_ALIAS:
        return True
    if alias not in _aliases():
        return False
    try:
        names = connections[alias].introspection.table_names()
    except DatabaseError:
        return False
    return Run._meta.db_table in names


def _migrations(count: int) -> str:
    return f", {count} migration{pluralize(count)}" if count else ""


def _light(runs: QuerySet[Run]) -> QuerySet[Run]:
    return runs.defer(*_BULKY).annotate(
        migrations=Func(
            F("plan__migrations"),
            function="jsonb_array_length",
            output_field=IntegerField(),
        ),
        proof=KT("backup__proof__level"),
    )


def _title(run: Run) -> dict[str, str]:
    return {"title": f"{run.command} of {localtime(run.started_at):%Y-%m-%d %H:%M:%S}"}


def _bar(run: Run) -> Bar:
    took = seconds(run)
    return Bar(
        value=took or 0.0,
        label=f"{localtime(run.started_at):%Y-%m-%d %H:%M} {run.command}, "
        f"{run.state}: {duration(took)}",
        kind=run.state,
    )
