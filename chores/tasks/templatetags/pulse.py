from __future__ import annotations

from django import template
from django.http import HttpRequest

from chores.charts import Bar, bars, heatmap
from chores.tasks import pulse as figures

register = template.Library()


@register.inclusion_tag("admin/tasks/pulse.html", takes_context=True)
def pulse(context: template.Context) -> dict[str, object]:
    """Show today's figures to those who may see completions."""
    request: HttpRequest = context["request"]
    if not request.user.has_perm("tasks.view_chorecompletion"):
        return {}
    found = figures.last_pulse()
    missed = [Bar(label=name, value=count) for name, count in found.missed]
    return {
        "pulse": found,
        "weeks": heatmap(
            found.per_day, until=found.today, what="chores done", weeks=figures.WEEKS
        ),
        "missed": bars(missed, label="Missed in a week") if missed else "",
    }
