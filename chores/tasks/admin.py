from __future__ import annotations

from django.contrib import admin

from chores.tasks.models import (
    Chore,
    ChoreCompletion,
    ChoreParticipant,
    Occurrence,
)


class ParticipantInline(admin.TabularInline[ChoreParticipant, Chore]):
    model = ChoreParticipant
    autocomplete_fields = ("household", "member")
    extra = 0


@admin.register(Chore)
class ChoreAdmin(admin.ModelAdmin[Chore]):
    list_display = ("__str__", "household", "schedule", "assign", "points", "next_on")
    list_filter = ("schedule", "assign", "paused")
    list_select_related = ("household",)
    search_fields = ("name", "household__name")
    autocomplete_fields = ("household",)
    inlines = (ParticipantInline,)


@admin.register(Occurrence)
class OccurrenceAdmin(admin.ModelAdmin[Occurrence]):
    list_display = ("chore", "due_on", "assignee", "status", "due_at")
    list_filter = ("status",)
    list_select_related = ("chore", "assignee")
    search_fields = ("chore__name",)
    raw_id_fields = ("household", "chore", "turn_of", "assignee", "spawned_from")
    show_full_result_count = False


@admin.register(ChoreCompletion)
class ChoreCompletionAdmin(admin.ModelAdmin[ChoreCompletion]):
    list_display = ("chore", "member", "done_on", "state", "points", "on_time")
    list_filter = ("state",)
    list_select_related = ("chore", "member")
    search_fields = ("chore__name", "member__name")
    raw_id_fields = (
        "household",
        "occurrence",
        "chore",
        "member",
        "recorded_by",
        "via",
        "reviewed_by",
    )
    show_full_result_count = False
