"""Which changes of a column's type leave its rows as they are."""

from __future__ import annotations

from dataclasses import replace

from migrationops.lint.simulation.datatypes import (
    FULL_RANGE,
    Domain,
    TypeRef,
    base,
    is_constrained,
    normal,
)

_TIME_TYPES = {"timestamp", "timestamptz", "time", "timetz"}
_MAX_TIME_PRECISION = 6
# bits of an interval's field mask, from the finest field (datetime.h)
_INTERVAL_FIELDS = (12, 11, 10, 3, 1, 2)


def changes_rows(
    old: TypeRef,
    new: TypeRef,
    *,
    domains: dict[str, Domain],
    coercible: frozenset[tuple[str, str]],
    utc: bool,
) -> bool:
    """Must rows be rewritten when a column's type changes so?

    That is ATColumnChangeRequiresRewrite over the planned cast: relabelling is free,
    a length coercion only where its support function proves it void.
    """
    if old == new:
        return False
    if is_constrained(new, domains):
        return True
    source, target = base(old, domains), base(new, domains)
    if old.name in domains:
        source = replace(source, typmod=())  # a domain's values carry no modifier
    if source.name == target.name and source.array == target.array:
        return _modifier_changes_rows(source, target)
    if not _relabels(source, target, coercible, utc=utc):
        return True
    # The result of a cast has no modifier: a length must be enforced anew.
    return _modifier_changes_rows(replace(target, typmod=()), target)


def _relabels(
    source: TypeRef,
    target: TypeRef,
    coercible: frozenset[tuple[str, str]],
    *,
    utc: bool,
) -> bool:
    """Is the cast between two different types nothing but another name?"""
    if source.array or target.array:
        return False
    if {source.name, target.name} == {"timestamp", "timestamptz"}:
        return utc
    return (source.name, target.name) in coercible


def _modifier_changes_rows(old: TypeRef, new: TypeRef) -> bool:
    if not new.typmod or normal(old) == normal(new):
        return False
    if new.array:
        return True
    match new.name:
        case "varchar" | "varbit":
            return not old.typmod or new.typmod[0] < old.typmod[0]
        case "numeric":
            return not old.typmod or not _widens_numeric(normal(old), normal(new))
        case "interval":
            return _interval_changes_rows(old.typmod, new.typmod)
        case name if name in _TIME_TYPES:
            precision = new.typmod[0]
            finer = bool(old.typmod) and precision >= old.typmod[0]
            return precision < _MAX_TIME_PRECISION and not finer
        case _:
            return True


def _widens_numeric(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    return old[1] == new[1] and new[0] >= old[0]


def _interval_changes_rows(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Follow interval_support: the finest field and the precision decide."""
    old_field, new_field = _finest_field(old), _finest_field(new)
    old_precision = old[1] if len(old) > 1 else 0xFFFF
    new_precision = new[1] if len(new) > 1 else 0xFFFF
    keeps_seconds = (
        old_field > 0
        or new_precision >= _MAX_TIME_PRECISION
        or new_precision >= old_precision
    )
    return not (new_field <= old_field and keeps_seconds)


def _finest_field(typmod: tuple[int, ...]) -> int:
    mask = typmod[0] if typmod else FULL_RANGE
    for rank, bit in enumerate(_INTERVAL_FIELDS):
        if mask & (1 << bit):
            return rank
    return 0
