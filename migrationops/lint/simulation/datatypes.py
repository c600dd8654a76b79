"""Data types, and which changes of a column's type leave its rows as they are."""

from __future__ import annotations

from dataclasses import dataclass, replace

from migrationops.lint.simulation import syntax
from migrationops.lint.simulation.syntax import Node

_SERIAL = {
    "smallserial": "int2",
    "serial2": "int2",
    "serial": "int4",
    "serial4": "int4",
    "bigserial": "int8",
    "serial8": "int8",
}
_TIME_TYPES = {"timestamp", "timestamptz", "time", "timetz"}
_MAX_TIME_PRECISION = 6
# bits of an interval's field mask, from the finest field (datetime.h)
_INTERVAL_FIELDS = (12, 11, 10, 3, 1, 2)
_FULL_RANGE = 0x7FFF
_FIELD_NAMES = (
    (2, "YEAR"),
    (1, "MONTH"),
    (3, "DAY"),
    (10, "HOUR"),
    (11, "MINUTE"),
    (12, "SECOND"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRef:
    """A type by pg_type's name (int4), with its schema when it is not built in."""

    name: str
    typmod: tuple[int, ...] = ()
    array: bool = False

    def __str__(self) -> str:
        """Return SQL that reads back as the same type."""
        name = ".".join(_quoted(part) for part in self.name.split("."))
        modifiers = f"({','.join(map(str, self.typmod))})" if self.typmod else ""
        if self.name == "interval":
            modifiers = _interval_text(self.typmod)
        return f"{name}{modifiers}{'[]' if self.array else ''}"


def _quoted(name: str) -> str:
    simple = name.islower() and name.isidentifier() and name != "char"
    return name if simple else f'"{name}"'


def _interval_text(typmod: tuple[int, ...]) -> str:
    """Write an interval's fields and precision."""
    if not typmod:
        return ""
    precision = f"({typmod[1]})" if len(typmod) > 1 else ""
    names = [word for bit, word in _FIELD_NAMES if typmod[0] & (1 << bit)]
    if typmod[0] == _FULL_RANGE or not names:
        return precision
    ends = names if len(names) == 1 else [names[0], "TO", names[-1]]
    return f" {' '.join(ends)}{precision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    base: TypeRef
    constraints: tuple[str, ...] = ()  # names; a NOT NULL counts as one


def of_type_name(node: Node) -> TypeRef:
    """Read a TypeName; a schema other than pg_catalog stays in the name."""
    parts = syntax.strings(node.names)
    name = ".".join(p for p in parts if p != "pg_catalog")
    return TypeRef(
        name=_SERIAL.get(name, name),
        typmod=tuple(_integers(node.typmods)),
        array=len(node.array_bounds) > 0,
    )


def of_text(text: str) -> TypeRef | None:
    """Read format_type's text, None when the grammar refuses it."""
    try:
        cast = syntax.expression(f"NULL::{text}")
    except (syntax.UnparsableError, ValueError):
        return None
    return of_type_name(cast.type_cast.type_name)


def is_serial(node: Node) -> bool:
    return ".".join(syntax.strings(node.names)) in _SERIAL


def _integers(nodes: list[Node]) -> list[int]:
    texts = (syntax.literal(n) for n in nodes)
    return [int(t) for t in texts if t.lstrip("-").isdigit()]


def base(type_: TypeRef, domains: dict[str, Domain]) -> TypeRef:
    """Return the type below every domain."""
    while not type_.array and type_.name in domains:
        type_ = domains[type_.name].base
    return type_


def is_constrained(type_: TypeRef, domains: dict[str, Domain]) -> bool:
    """Is it a domain with a constraint, its own or one of a domain below?"""
    while not type_.array and type_.name in domains:
        if domains[type_.name].constraints:
            return True
        type_ = domains[type_.name].base
    return False


_SIZES = {"int2": 1, "int4": 2, "int8": 3, "float4": 1, "float8": 2}
_LOSSY = {
    ("text", "varchar"),
    ("varchar", "bpchar"),
    ("text", "bpchar"),
    ("timestamp", "date"),
    ("timestamptz", "date"),
    ("timestamp", "time"),
    ("numeric", "int8"),
    ("numeric", "int4"),
    ("numeric", "int2"),
    ("float8", "int8"),
    ("float8", "int4"),
}


def is_narrower(old: TypeRef, new: TypeRef) -> bool:
    """Are there values of the old type that the new one cannot hold?"""
    if old.array != new.array:
        return False
    if old.name == new.name:
        return _shortens(_normal(old), _normal(new))
    if old.name in _SIZES and new.name in _SIZES:
        return _SIZES[new.name] < _SIZES[old.name]
    if new.name in {"varchar", "bpchar"} and not new.typmod:
        return False
    return (old.name, new.name) in _LOSSY


def _shortens(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """A lower precision, scale or length, or fewer digits before the point."""
    if not new:
        return False
    if not old or any(b < a for a, b in zip(old, new, strict=False)):
        return True
    return len(old) == len(new) == 2 and new[0] - new[1] < old[0] - old[1]


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
    if not new.typmod or _normal(old) == _normal(new):
        return False
    if new.array:
        return True
    match new.name:
        case "varchar" | "varbit":
            return not old.typmod or new.typmod[0] < old.typmod[0]
        case "numeric":
            return not old.typmod or not _widens_numeric(_normal(old), _normal(new))
        case "interval":
            return _interval_changes_rows(old.typmod, new.typmod)
        case name if name in _TIME_TYPES:
            precision = new.typmod[0]
            finer = bool(old.typmod) and precision >= old.typmod[0]
            return precision < _MAX_TIME_PRECISION and not finer
        case _:
            return True


def _normal(type_: TypeRef) -> tuple[int, ...]:
    if type_.name == "numeric" and len(type_.typmod) == 1:
        return (*type_.typmod, 0)
    return type_.typmod


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
    mask = typmod[0] if typmod else _FULL_RANGE
    for rank, bit in enumerate(_INTERVAL_FIELDS):
        if mask & (1 << bit):
            return rank
    return 0
