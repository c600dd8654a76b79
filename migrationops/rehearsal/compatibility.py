"""Whether the models of the release that still runs work on the new schema.

During a rolling deploy the old code meets the new tables. Its models are those of
the state before the plan: each one selects a row and inserts one, before and after;
what passed before and fails after is a finding.
"""

from __future__ import annotations

import datetime
import decimal
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from django.apps.registry import Apps
from django.db import DatabaseError, models, transaction

logger = logging.getLogger(__name__)

_PROBES = ("SELECT", "INSERT")
# A value for each kind of column, by Django's own name of its type.
_VALUES: dict[str, Any] = {
    "BinaryField": b"x",
    "BooleanField": False,
    "DateField": datetime.date(2020, 1, 1),
    "DateTimeField": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
    "DecimalField": decimal.Decimal(0),
    "DurationField": datetime.timedelta(0),
    "FloatField": 0.0,
    "GenericIPAddressField": "127.0.0.1",
    "JSONField": {},
    "TimeField": datetime.time(0),
    "UUIDField": uuid.UUID(int=0),
}
Failures = dict[tuple[str, str], str]


def probe(apps: Apps, alias: str) -> Failures:
    """Return what fails: the error by model's label and kind of statement."""
    found: Failures = {}
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy and not model._meta.swapped:
            found |= {
                (model._meta.label, what): error
                for what, error in _failures(model, alias)
            }
    return found


def incompatibilities(before: Failures, after: Failures) -> tuple[str, ...]:
    """Say what passed before and fails after."""
    return tuple(
        f"{label}: the running release's {what} fails on the new schema: {error}"
        for (label, what), error in after.items()
        if (label, what) not in before
    )


def _failures(model: type[models.Model], alias: str) -> Iterator[tuple[str, str]]:
    tries: tuple[Callable[[], object], ...] = (
        lambda: list(model._base_manager.using(alias).order_by()[:1]),
        lambda: _example(model).save(force_insert=True, using=alias),
    )
    for what, attempt in zip(_PROBES, tries, strict=True):
        try:
            with transaction.atomic(using=alias):
                attempt()
                transaction.set_rollback(True, using=alias)
        except DatabaseError as exc:
            yield what, str(exc).splitlines()[0]
        except Exception as exc:
            # No value of ours fits a field: that says nothing of the schema.
            logger.debug("%s was not probed: %s", model._meta.label, exc)


def _example(model: type[models.Model]) -> models.Model:
    instance = model()
    for field in model._meta.concrete_fields:
        if not _has_value(field):
            setattr(instance, field.attname, _value(field))
    return instance


def _has_value(field: models.Field[Any, Any]) -> bool:
    if field.primary_key and isinstance(field, models.AutoField):
        return True
    generated = getattr(field, "generated", False)
    defaulted = field.has_default() or field.has_db_default()
    return generated or defaulted or field.null


def _value(field: models.Field[Any, Any]) -> Any:
    if isinstance(field, models.ForeignKey):
        return _value(field.target_field)
    if field.choices:
        return field.flatchoices[0][0]
    kind = field.get_internal_type()
    if kind in _VALUES:
        return _VALUES[kind]
    return 1 if "Integer" in kind or "Auto" in kind else "x"
