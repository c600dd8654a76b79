"""The models as the recorded migrations define them, and Django's two signals."""

from __future__ import annotations

import sys
from typing import Any

from django.apps import apps
from django.core.management.sql import (
    emit_post_migrate_signal,
    emit_pre_migrate_signal,
)
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ModelState, ProjectState

from migrationops.plan import Plan


def applied_state(loader: MigrationLoader) -> ProjectState:
    """Return the models as the recorded migrations define them."""
    state = ProjectState(real_apps=loader.unmigrated_apps)
    seen: set[tuple[str, str]] = set()
    for leaf in loader.graph.leaf_nodes():
        for key in loader.graph.forwards_plan(leaf):
            if key in loader.applied_migrations and key not in seen:
                seen.add(key)
                loader.graph.nodes[key].mutate_state(state, preserve=False)
    return state


def send_pre_migrate(
    alias: str, state: ProjectState, loader: MigrationLoader, plan: Plan
) -> None:
    """Send pre_migrate with what migrate would send."""
    emit_pre_migrate_signal(
        0,
        False,
        alias,
        stdout=sys.stderr,
        apps=state.apps,
        plan=django_plan(loader, plan),
    )


def send_post_migrate(
    alias: str, state: ProjectState, loader: MigrationLoader, plan: Plan
) -> None:
    """Send post_migrate with the models of the final state, as migrate does.

    It creates permissions and content types.
    """
    state.clear_delayed_apps_cache()
    final = state.apps
    real: list[ModelState] = list(final.real_models)
    keys = [(model.app_label, model.name_lower) for model in real]
    with final.bulk_update():
        for key in keys:
            final.unregister_model(*key)
    final.render_multiple([ModelState.from_model(apps.get_model(*key)) for key in keys])
    emit_post_migrate_signal(
        0,
        False,
        alias,
        stdout=sys.stderr,
        apps=final,
        plan=django_plan(loader, plan),
    )


def django_plan(loader: MigrationLoader, plan: Plan) -> list[tuple[Any, bool]]:
    """Return the plan in the form that Django's signals carry; all forwards."""
    return [(loader.get_migration(*m.key), False) for m in plan.migrations]
