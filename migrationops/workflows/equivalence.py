"""Proves on throw-away databases that two sequences of migrations end alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.state import ProjectState

from migrationops import drift
from migrationops.conf import Conf
from migrationops.exceptions import MigrationOpsError, RefusedError
from migrationops.postgres import introspection
from migrationops.rehearsal.copying import copy_live
from migrationops.schema import Catalog
from migrationops.shadow.database import Shadow, shadow_database


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalence:
    """Differences in words, at the end and after the way back; none is the proof."""

    forwards: tuple[str, ...]
    backwards: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.forwards and not self.backwards


def compare_ends(
    alias: str,
    conf: Conf,
    state: ProjectState,
    one: Sequence[Migration],
    other: Sequence[Migration],
) -> Equivalence:
    """Apply both to copies of the live schema; unapply the other; compare.

    Neither may run code of the project's own: only operations are safe here.
    """
    with _copy(alias, conf) as shadow:
        before = _catalog(shadow)
        _on(shadow, alias, lambda wrapper: _apply(wrapper, state, one))
        wanted = _catalog(shadow)
    with _copy(alias, conf) as shadow:
        _on(shadow, alias, lambda wrapper: _apply(wrapper, state, other))
        if forwards := _differ(wanted, _catalog(shadow)):
            return Equivalence(forwards=forwards, backwards=())
        _on(shadow, alias, lambda wrapper: _unapply(wrapper, state, other))
        return Equivalence(forwards=(), backwards=_differ(before, _catalog(shadow)))


@contextmanager
def _copy(alias: str, conf: Conf) -> Iterator[Shadow]:
    with shadow_database(alias, conf) as shadow:
        copy_live(alias, shadow, conf)
        yield shadow


def _catalog(shadow: Shadow) -> Catalog:
    with shadow.connect() as connection:
        return introspection.catalog(connection)


def _differ(wanted: Catalog, got: Catalog) -> tuple[str, ...]:
    return tuple(str(d) for d in drift.compare(wanted, got).differences)


def _on(shadow: Shadow, alias: str, work: Callable[[Any], None]) -> None:
    """Run the work in a thread in which the alias is the shadow.

    Django's connections belong to a thread, so in no other is the alias changed.
    """
    failures: list[BaseException] = []
    wrapper: Any = connections[alias].copy()
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    wrapper.settings_dict["NAME"] = shadow.name
    for setting, name in names.items():
        wrapper.settings_dict[setting] = str(shadow.params.get(name, ""))

    def run() -> None:
        connections[alias] = wrapper
        try:
            _require(wrapper, shadow)
            work(wrapper)
        except BaseException as exc:  # told to the thread that waits
            failures.append(exc)
        finally:
            wrapper.close()

    wrapper.inc_thread_sharing()
    thread = threading.Thread(target=run, name="equivalence")
    thread.start()
    thread.join()
    if failures:
        raise _failure(failures[0]) from failures[0]


def _failure(exc: BaseException) -> BaseException:
    if isinstance(exc, MigrationOpsError) or not isinstance(exc, Exception):
        return exc
    return RefusedError(
        f"It does not run on a copy of the schema: {type(exc).__name__}: {exc}. "
        "Nothing was changed.",
        remedy="Correct the migration until manage.py rehearse runs it.",
    )


def _require(wrapper: Any, shadow: Shadow) -> None:
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT current_database()")
        (name,) = cursor.fetchone()
    if name != shadow.name:
        raise RefusedError(
            f"Expected to be in {shadow.name}, and was in {name}.",
            remedy="Nothing was changed; report it, with the settings of DATABASES.",
        )


def _apply(wrapper: Any, state: ProjectState, plan: Sequence[Migration]) -> None:
    state = state.clone()
    for migration in plan:
        with wrapper.schema_editor(atomic=migration.atomic) as editor:
            state = migration.apply(state, editor)


def _unapply(wrapper: Any, state: ProjectState, plan: Sequence[Migration]) -> None:
    states = [state]
    for migration in plan[:-1]:
        states.append(migration.mutate_state(states[-1], preserve=True))
    for migration, before in zip(reversed(plan), reversed(states), strict=True):
        with wrapper.schema_editor(atomic=migration.atomic) as editor:
            migration.unapply(before.clone(), editor)
