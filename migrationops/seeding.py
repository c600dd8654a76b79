"""Fixtures by environment: loading them twice changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.core import serializers
from django.core.serializers.base import DeserializedObject
from django.db import models, transaction

from migrationops.conf import Conf
from migrationops.environments import Environment
from migrationops.exceptions import ConfigurationError, RefusedError

_BASE = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """How many objects of each model were created, and how many were there."""

    created: dict[str, int]
    present: dict[str, int]


def require_seedable(conf: Conf, environment: str) -> None:
    """Raise RefusedError in production, or where `environment` is not this one."""
    if not conf.environment.may_be_seeded:
        raise RefusedError("Production is never seeded; nothing was changed.")
    if environment != conf.environment:
        raise RefusedError(
            f"--env {environment}, but these settings are {conf.environment}; "
            "nothing was changed.",
            remedy=f"--env {conf.environment}, or the settings of {environment}.",
        )


def load_fixtures(alias: str, conf: Conf) -> Seeded:
    """Load base and the environment's fixtures in one transaction.

    What is there by its natural key stays as it is: a seed never undoes what people
    changed since.
    """
    created: Counter[str] = Counter()
    present: Counter[str] = Counter()
    with transaction.atomic(using=alias):
        for path in _files(conf):
            for item in _objects(alias, path):
                label = item.object._meta.label
                if _exists(alias, item.object):
                    present[label] += 1
                else:
                    item.save(using=alias)
                    created[label] += 1
    return Seeded(created=dict(created), present=dict(present))


def _files(conf: Conf) -> Iterator[Path]:
    root = conf.seeds.get("fixtures")
    if root is None:
        raise ConfigurationError(
            "There is nothing to seed from.",
            remedy="Set MIGRATIONOPS['SEEDS'] = {'fixtures': <directory>}.",
        )
    for name in (_BASE, _folder(conf.environment)):
        yield from sorted((Path(root) / name).glob("*.json"))


def _folder(environment: Environment) -> str:
    return "development" if environment is Environment.TEST else environment.value


def _objects(alias: str, path: Path) -> Iterator[DeserializedObject]:
    with path.open() as file:
        yield from serializers.deserialize("json", file, using=alias)


def _exists(alias: str, item: models.Model) -> bool:
    """Whether the deserializer found the natural key in the database."""
    if item.pk is None:
        return False
    return type(item)._base_manager.using(alias).filter(pk=item.pk).exists()
