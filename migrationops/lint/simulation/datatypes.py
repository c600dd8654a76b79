"""Data types and domains, as they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from postgast import pg_query_pb2 as pb

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
FULL_RANGE = 0x7FFF
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
    if typmod[0] == FULL_RANGE or not names:
        return precision
    ends = names if len(names) == 1 else [names[0], "TO", names[-1]]
    return f" {' '.join(ends)}{precision}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    base: TypeRef
    constraints: tuple[str, ...] = ()  # names; a NOT NULL counts as one
    not_null: bool = False
    default: str | None = None


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
    return any(domain.constraints for domain in chain(type_, domains))


def chain(type_: TypeRef, domains: dict[str, Domain]) -> Iterator[Domain]:
    """Yield the domain that a type is, and those below it."""
    while not type_.array and type_.name in domains:
        domain = domains[type_.name]
        yield domain
        type_ = domain.base


def domain_default(type_: TypeRef, domains: dict[str, Domain]) -> str | None:
    """Return the default that a column of this type has without one of its own."""
    return next((d.default for d in chain(type_, domains) if d.default), None)


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
        return _shortens(normal(old), normal(new))
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


def normal(type_: TypeRef) -> tuple[int, ...]:
    """Return the modifiers with what is left out: numeric(9) is numeric(9, 0)."""
    if type_.name == "numeric" and len(type_.typmod) == 1:
        return (*type_.typmod, 0)
    return type_.typmod


def domain_of(tree: Node, base: TypeRef) -> Domain:
    """Read a CreateDomainStmt."""
    nodes = [n.constraint for n in tree.constraints]
    by_type = {node.contype: node for node in nodes}
    default = by_type.get(pb.CONSTR_DEFAULT)
    return Domain(
        base=base,
        constraints=tuple(
            node.conname or f"unnamed_{position}"
            for position, node in enumerate(nodes)
            if node.contype in {pb.CONSTR_CHECK, pb.CONSTR_NOTNULL}
        ),
        not_null=pb.CONSTR_NOTNULL in by_type,
        default=syntax.deparse(default.raw_expr, "expr") if default else None,
    )
