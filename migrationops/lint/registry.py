"""Every rule: ours, one a module of `rules`, and those that the settings name."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from django.utils.module_loading import import_string

from migrationops.exceptions import ConfigurationError
from migrationops.lint import rules
from migrationops.lint.rule import Rule


@cache
def built_in() -> tuple[Rule, ...]:
    """Return our own rules, ordered by id."""
    names = (m.name for m in pkgutil.iter_modules(rules.__path__))
    found = [import_module(f"{rules.__name__}.{name}").RULE for name in names]
    return tuple(sorted(found, key=lambda rule: rule.id))


def active(settings: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules in force under MIGRATIONOPS["LINT"].

    RULES: dotted paths of more rule classes; DESIGN: True or ids of design advice
    that is wanted; EXCLUDE: ids that are not.
    """
    if unknown := set(settings) - {"RULES", "DESIGN", "EXCLUDE"}:
        names = ", ".join(sorted(unknown))
        raise ConfigurationError(
            f'MIGRATIONOPS["LINT"] has no key {names}.',
            remedy="It has RULES, DESIGN and EXCLUDE.",
        )
    wanted = settings.get("DESIGN", ())
    excluded = set(settings.get("EXCLUDE", ()))
    more = tuple(_load(path) for path in settings.get("RULES", ()))
    return tuple(
        rule
        for rule in (*built_in(), *more)
        if rule.id not in excluded
        and (not rule.design or wanted is True or rule.id in wanted)
    )


def _load(path: str) -> Rule:
    try:
        rule = import_string(path)()
    except (ImportError, TypeError) as exc:
        raise ConfigurationError(
            f'MIGRATIONOPS["LINT"]["RULES"]: {path} is no rule: {exc}',
            remedy="Give the dotted path of a rule class without arguments.",
        ) from exc
    if not isinstance(rule, Rule):
        raise ConfigurationError(
            f'MIGRATIONOPS["LINT"]["RULES"]: {path} is no subclass of '
            "migrationops.lint.rule.Rule.",
            remedy="Derive it from migrationops.lint.rule.Rule.",
        )
    return rule
