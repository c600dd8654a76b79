"""What lives in SQL beyond Django's models: declared, and verified by a check.

Composite tenant keys follow from the models. Triggers and the functions that they
call are declared by each app, with the migration that makes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.apps import AppConfig, apps
from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import ForeignKey, Model

from chores.tenancy import tenant_key_name

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

CONSTRAINTS = """
SELECT r.relname, c.conname, pg_get_constraintdef(c.oid)
  FROM pg_constraint AS c JOIN pg_class AS r ON r.oid = c.conrelid
 WHERE pg_table_is_visible(r.oid)
"""
TRIGGERS = """
SELECT r.relname, t.tgname, p.proname, md5(p.prosrc), t.tgenabled
  FROM pg_trigger AS t
  JOIN pg_class AS r ON r.oid = t.tgrelid
  JOIN pg_proc AS p ON p.oid = t.tgfoid
 WHERE NOT t.tgisinternal AND pg_table_is_visible(r.oid)
"""
HINT = "Look for who changed it; a migration that puts it back is the remedy."


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger, the function that it calls, and the migration that makes both.

    body is the MD5 of the function's source as PostgreSQL keeps it.
    """

    table: str
    name: str
    function: str
    body: str
    migration: tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantKey:
    """A composite foreign key (household, column) between two tenant tables."""

    table: str
    column: str
    target: str

    @property
    def name(self) -> str:
        return tenant_key_name(self.table, self.column)

    @property
    def definition(self) -> str:
        """Return it as pg_get_constraintdef() does."""
        return (
            f"FOREIGN KEY (household_id, {self.column}) "
            f"REFERENCES {self.target}(household_id, id) "
            "DEFERRABLE INITIALLY DEFERRED"
        )


def is_tenant(model: type[Model]) -> bool:
    """Return whether a model's rows belong to a household."""
    return any(field.name == "household" for field in model._meta.local_fields)


def tenant_models(label: str) -> list[type[Model]]:
    """Return the models of an app whose rows belong to a household."""
    models = apps.get_app_config(label).get_models()
    return [m for m in models if not m._meta.proxy and is_tenant(m)]


def tenant_keys(label: str) -> Iterator[TenantKey]:
    """Yield the composite keys that an app's models ask for."""
    for model in tenant_models(label):
        for field in model._meta.local_fields:
            if isinstance(field, ForeignKey) and is_tenant(field.related_model):
                yield TenantKey(
                    table=model._meta.db_table,
                    column=field.column,
                    target=field.related_model._meta.db_table,
                )


def missing_keys(
    connection: BaseDatabaseWrapper, keys: Iterable[TenantKey]
) -> Iterator[str]:
    """Yield what is wrong with keys of tables that exist."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        cursor.execute(CONSTRAINTS)
        live = {(table, name): text for table, name, text in cursor.fetchall()}
    for key in keys:
        found = live.get((key.table, key.name))
        if key.table not in tables or found == key.definition:
            continue
        if found is None:
            yield f"{key.name} on {key.table} is missing"
        elif found == f"{key.definition} NOT VALID":
            yield f"{key.name} on {key.table} is not validated"
        else:
            yield f"{key.name} on {key.table} was changed to {found}"


def missing_triggers(
    connection: BaseDatabaseWrapper, triggers: Iterable[Trigger]
) -> Iterator[str]:
    """Yield what is wrong with triggers whose migration is applied."""
    applied = MigrationRecorder(connection).applied_migrations()
    with connection.cursor() as cursor:
        cursor.execute(TRIGGERS)
        live = {(row[0], row[1]): row[2:] for row in cursor.fetchall()}
    for trigger in triggers:
        if trigger.migration not in applied:
            continue
        found = live.get((trigger.table, trigger.name))
        if found is None:
            yield f"trigger {trigger.name} on {trigger.table} is missing"
        elif found[2] == "D":
            yield f"trigger {trigger.name} on {trigger.table} is disabled"
        elif found[:2] != (trigger.function, trigger.body):
            yield f"function {found[0]} of trigger {trigger.name} was changed"


def register_check(config: AppConfig, triggers: Sequence[Trigger] = ()) -> None:
    """Register the check of what an app declares, as <app>.E001."""

    def check(
        databases: Sequence[str] | None = None, **_: Any
    ) -> Sequence[CheckMessage]:
        return [
            Error(
                f"In database {alias}: {problem}.", hint=HINT, id=f"{config.label}.E001"
            )
            for alias in databases or ()
            for problem in problems(connections[alias])
        ]

    def problems(connection: BaseDatabaseWrapper) -> Iterator[str]:
        if connection.vendor == "postgresql":
            yield from missing_keys(connection, tenant_keys(config.label))
            yield from missing_triggers(connection, triggers)

    named: Callable[..., Sequence[CheckMessage]] = check
    register(named, Tags.database)
