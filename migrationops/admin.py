"""The history in the admin: to be read, never to be changed there.

A restore or a rollback is done by a person at a terminal, so there is no button.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from migrationops.charts import Bar, bars
from migrationops.models import Run, Step

if TYPE_CHECKING:
    RunModelAdmin = admin.ModelAdmin[Run]
    StepTabularInline = admin.TabularInline[Step, Run]
else:
    RunModelAdmin = admin.ModelAdmin
    StepTabularInline = admin.TabularInline

_CHARTED = 30  # runs


class ReadOnly:
    """No form of this admin may change anything."""

    def has_add_permission(self, *args: Any, **kwargs: Any) -> bool:
        return False

    def has_change_permission(self, *args: Any, **kwargs: Any) -> bool:
        return False

    def has_delete_permission(self, *args: Any, **kwargs: Any) -> bool:
        return False


class StepInline(ReadOnly, StepTabularInline):
    model = Step
    extra = 0
    can_delete = False
    show_change_link = False
    fields = ["number", "kind", "what", "outcome", "took", "tries", "error"]
    readonly_fields = ["number", "kind", "what", "outcome", "took", "tries", "error"]

    @admin.display(description="what")
    def what(self, step: Step) -> str:
        if not step.sql:
            return step.label
        return format_html(
            "<details><summary>{}</summary><pre>{}</pre></details>",
            step.label,
            step.sql,
        )

    @admin.display(description="outcome")
    def outcome(self, step: Step) -> str:
        return _badge(step.state)

    @admin.display(description="took")
    def took(self, step: Step) -> str:
        return _took(step)


@admin.register(Run)
class RunAdmin(ReadOnly, RunModelAdmin):
    list_display = [
        "started_at",
        "command",
        "outcome",
        "environment",
        "database",
        "migrations",
        "took",
        "backup_file",
        "operator",
        "release",
    ]
    list_filter = ["state", "command", "environment"]
    search_fields = ["id", "operator", "release", "steps__label"]
    date_hierarchy = "started_at"
    list_per_page = 50
    inlines = [StepInline]
    change_list_template = "admin/migrationops/run/change_list.html"
    fieldsets = [
        (
            None,
            {"fields": ["outcome", "command", "database", "environment", "took"]},
        ),
        ("What went wrong", {"fields": ["error", "remedy"]}),
        ("Plan", {"fields": ["planned", "fingerprint", "catalog"]}),
        ("Backup", {"fields": ["backup_facts"]}),
        (
            "Who and where",
            {"fields": ["operator", "host", "pid", "release", "versions_text", "id"]},
        ),
        ("When", {"fields": ["started_at", "finished_at"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Run | None = None) -> Any:
        """Leave out what did not happen."""
        present = {"What went wrong": bool(obj and obj.error)}
        present["Backup"] = bool(obj and obj.backup)
        return [f for f in self.fieldsets or [] if present.get(str(f[0]), True)]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        chart = bars(_bar(run) for run in reversed(self._latest(request)))
        return super().changelist_view(
            request, {**(extra_context or {}), "chart": chart}
        )

    @admin.display(description="outcome", ordering="state")
    def outcome(self, run: Run) -> str:
        return _badge(run.state)

    @admin.display(description="took")
    def took(self, run: Run) -> str:
        return _took(run)

    @admin.display(description="migrations")
    def migrations(self, run: Run) -> int:
        return len(run.plan.get("migrations", []))

    @admin.display(description="backup")
    def backup_file(self, run: Run) -> str:
        return str(run.backup.get("id", "-"))

    @admin.display(description="planned")
    def planned(self, run: Run) -> str:
        rows = (
            (f"{m['app']}.{m['name']}", m["phase"] or "-", "; ".join(m["operations"]))
            for m in run.plan.get("migrations", [])
        )
        return format_html(
            "<ol>{}</ol>",
            format_html_join("", "<li><b>{}</b> <i>{}</i> {}</li>", rows),
        )

    @admin.display(description="backup")
    def backup_facts(self, run: Run) -> str:
        backup, proof = run.backup, run.backup.get("proof") or {}
        size = sum(f["size"] for f in backup.get("files", []))
        rows = [
            ("id", backup.get("id")),
            ("size", filesizeformat(size)),
            ("proof", f"{proof.get('level')}, {proof.get('rows')} rows"),
            ("engine", f"{backup.get('engine')}, {backup.get('compression')}"),
            ("taken", f"{backup.get('started')} to {backup.get('finished')}"),
        ]
        return format_html(
            "<dl>{}</dl>", format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows)
        )

    @admin.display(description="versions")
    def versions_text(self, run: Run) -> str:
        return ", ".join(f"{k} {v}" for k, v in run.versions.items())

    def _latest(self, request: HttpRequest) -> QuerySet[Run]:
        return self.get_queryset(request).order_by("-started_at")[:_CHARTED]


def _bar(run: Run) -> Bar:
    return Bar(
        value=_seconds(run) or 0.0,
        label=f"{run.started_at:%Y-%m-%d %H:%M} {run.command}: {_took(run)}",
        kind=run.state,
    )


def _badge(state: str) -> SafeString:
    return format_html('<span class="ops-state ops-{}">{}</span>', state, state)


def _seconds(item: Run | Step) -> float | None:
    if item.finished_at is None:
        return None
    return (item.finished_at - item.started_at).total_seconds()


def _took(item: Run | Step) -> str:
    seconds = _seconds(item)
    if seconds is None:
        return "-"
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
