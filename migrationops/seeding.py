"""What an environment is seeded with: its fixtures, then its scenario.

A fixture loaded twice changes nothing. A scenario is the project's own function, which
makes data in bulk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core import serializers
from django.core.serializers.base import DeserializedObject
from django.db import models, transaction
from django.utils.module_loading import import_string

from migrationops.conf import Conf
from migrationops.environments import Environment
from migrationops.exceptions import ConfigurationError, RefusedError

_BASE = "base"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeded:
    """How many objects of each model were created, and how many were there."""

    created: dict[str, int]
    present: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a seed was asked for: how much, from which random seed, and whether anew."""

    scale: int = 1
    random_seed: int = 0
    flush: bool = False


def require_seedable(conf: Conf, environment: str, order: Order) -> None:
    """Raise RefusedError in production, or where `environment` is not this one.

    Nothing is deleted first but in development and staging.
    """
    if not conf.environment.may_be_seeded:
        raise RefusedError(
            "Production is never seeded; nothing was changed.",
            remedy="Seed staging, with its settings: --env staging.",
        )
    if environment != conf.environment:
        raise RefusedError(
            f"--env {environment}, but these settings are {conf.environment}; "
            "nothing was changed.",
            remedy=f"--env {conf.environment}, or the settings of {environment}.",
        )
    if order.flush and not conf.environment.may_be_cleared:
        raise RefusedError(
            f"--flush deletes, which {conf.environment} does not allow; "
            "nothing was changed.",
            remedy="Leave --flush out.",
        )


def load_fixtures(alias: str, conf: Conf) -> Seeded:
    """Load base and the environment's fixtures, all or none.

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


def clear(alias: str, conf: Conf) -> None:
    """Let the project delete what it seeds."""
    path = conf.seeds.get("clear")
    if path is None:
        raise ConfigurationError(
            "Nobody knows what --flush should delete; nothing was changed.",
            remedy="Set MIGRATIONOPS['SEEDS']['clear'] to the path of a function.",
        )
    _function(path)(alias=alias)


def run_scenario(
    alias: str, conf: Conf, order: Order, progress: Callable[[int], None]
) -> dict[str, int]:
    """Let the environment's scenario add its data; return the rows by table.

    It gets `environment`, `alias`, `scale`, `random_seed` and `progress`, which takes
    the number of rows so far.
    """
    environment = _folder(conf.environment)
    path = conf.seeds.get("scenarios", {}).get(environment)
    if path is None:
        return {}
    rows: Mapping[str, int] = _function(path)(
        environment,
        alias=alias,
        scale=order.scale,
        random_seed=order.random_seed,
        progress=progress,
    )
    return dict(rows)


def _function(path: str) -> Callable[..., Any]:
    try:
        found: Callable[..., Any] = import_string(path)
    except ImportError as exc:
        raise ConfigurationError(
            f"MIGRATIONOPS['SEEDS'] names {path}, which cannot be imported: {exc}; "
            "nothing was changed.",
            remedy="Give the dotted path of a function that can be imported.",
        ) from exc
    return found


def _files(conf: Conf) -> Iterator[Path]:
    if not conf.seeds:
        raise ConfigurationError(
            "There is nothing to seed from; nothing was changed.",
            remedy="Set MIGRATIONOPS['SEEDS'] = {'fixtures': <directory>}.",
        )
    root = conf.seeds.get("fixtures")
    if root is None:
        return
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
