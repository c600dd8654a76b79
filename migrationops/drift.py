"""How one catalog differs from another, in words."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from migrationops.schema import (
    Catalog,
    Column,
    Constraint,
    Index,
    Object,
    Policy,
    Table,
    Trigger,
)

Key = TypeVar("Key")
Value = TypeVar("Value")
Part = Column | Index | Constraint | Trigger | Policy

_PARTS = {
    "columns": "column",
    "indexes": "index",
    "constraints": "constraint",
    "triggers": "trigger",
    "policies": "policy",
}
_RELATIONS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialised view",
    "f": "foreign table",
}
# What the definition says too: not told twice.
_DERIVED = {
    "columns",
    "unique",
    "primary",
    "predicate",
    "validated",
    "enforced",
    "references",
}
_NAMES = {"schema", "name", "kind"}


class Change(StrEnum):
    MISSING = "missing"
    UNEXPECTED = "unexpected"
    DIFFERS = "differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One fact that is not as expected; `attribute` is blank for a whole object."""

    change: Change
    kind: str
    name: str
    attribute: str = ""
    expected: str | None = None
    actual: str | None = None

    def __str__(self) -> str:
        what = f"{self.kind} {self.name}"
        match self.change:
            case Change.MISSING:
                return f"{what} is missing; expected {self.expected}"
            case Change.UNEXPECTED:
                return f"{what} is not expected; it is {self.actual}"
            case Change.DIFFERS:
                return (
                    f"{what}: {self.attribute} is {self.actual or 'absent'}, "
                    f"expected {self.expected or 'none'}"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftReport:
    """Everything in which `actual` is not as `expected`; false when nothing is."""

    differences: tuple[Difference, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.differences)

    def to_json(self) -> list[dict[str, Any]]:
        return [{**dataclasses.asdict(d), "message": str(d)} for d in self.differences]

    @classmethod
    def from_json(cls, data: Iterable[dict[str, Any]]) -> DriftReport:
        return cls(differences=tuple(_difference(d) for d in data))


def _difference(data: dict[str, Any]) -> Difference:
    known = {f.name: data[f.name] for f in dataclasses.fields(Difference)}
    return Difference(**{**known, "change": Change(known["change"])})


def compare(expected: Catalog, actual: Catalog) -> DriftReport:
    """Return how `actual` differs from `expected`."""
    return DriftReport(
        differences=(
            *_compare_tables(expected.tables, actual.tables),
            *_compare_objects(expected.objects, actual.objects),
        )
    )


def _compare_tables(
    expected: Iterable[Table], actual: Iterable[Table]
) -> Iterator[Difference]:
    pairs = _paired(
        {t.qualified_name: t for t in expected}, {t.qualified_name: t for t in actual}
    )
    for name, want, got in pairs:
        if want and got:
            yield from _compare_table(name, want, got)
        else:
            found = want or got
            assert found is not None
            yield _whole(_RELATIONS.get(found.kind, "relation"), name, want, got)


def _compare_table(name: str, want: Table, got: Table) -> Iterator[Difference]:
    kind = _RELATIONS.get(want.kind, "relation")
    if want.kind != got.kind:
        yield Difference(
            change=Change.DIFFERS,
            kind=kind,
            name=name,
            attribute="kind",
            expected=kind,
            actual=_RELATIONS.get(got.kind, "relation"),
        )
    yield from _attributes(kind, name, want, got)
    for attribute, part in _PARTS.items():
        yield from _compare_parts(
            part, name, getattr(want, attribute), getattr(got, attribute)
        )


def _compare_parts(
    kind: str, table: str, expected: Iterable[Part], actual: Iterable[Part]
) -> Iterator[Difference]:
    pairs = _paired({p.name: p for p in expected}, {p.name: p for p in actual})
    for name, want, got in pairs:
        if want and got:
            yield from _attributes(kind, f"{table}.{name}", want, got)
        else:
            yield _whole(kind, f"{table}.{name}", want, got)


def _compare_objects(
    expected: Iterable[Object], actual: Iterable[Object]
) -> Iterator[Difference]:
    pairs = _paired(
        {(o.kind, o.qualified_name): o for o in expected},
        {(o.kind, o.qualified_name): o for o in actual},
    )
    for (kind, name), want, got in pairs:
        if want and got:
            yield from _attributes(kind, name, want, got)
        else:
            yield _whole(kind, name, want, got)


def _paired(
    expected: dict[Key, Value], actual: dict[Key, Value]
) -> Iterator[tuple[Key, Value | None, Value | None]]:
    for key in dict.fromkeys((*expected, *actual)):
        want, got = expected.get(key), actual.get(key)
        if want != got:
            yield key, want, got


def _attributes(kind: str, name: str, want: Any, got: Any) -> Iterator[Difference]:
    """Tell each attribute that differs; what the definition says only once."""
    defined = getattr(want, "definition", None) != getattr(got, "definition", None)
    parts = _PARTS if isinstance(want, Table) else {}
    for field in dataclasses.fields(want):
        attribute = field.name
        if attribute in (*_NAMES, *parts, *(_DERIVED if defined else ())):
            continue
        expected, actual = getattr(want, attribute), getattr(got, attribute)
        if expected != actual:
            yield Difference(
                change=Change.DIFFERS,
                kind=kind,
                name=name,
                attribute=attribute.replace("_", " "),
                expected=_text(expected),
                actual=_text(actual),
            )


def _whole(kind: str, name: str, want: Any, got: Any) -> Difference:
    return Difference(
        change=Change.UNEXPECTED if want is None else Change.MISSING,
        kind=kind,
        name=name,
        expected=want and describe(want),
        actual=got and describe(got),
    )


def describe(value: Part | Table | Object) -> str:
    """Say in a few words what this is."""
    match value:
        case Column():
            parts = (
                value.type,
                "" if value.nullable else "NOT NULL",
                f"DEFAULT {value.default}" if value.default else "",
                "IDENTITY" if value.identity else "",
            )
            return " ".join(part for part in parts if part)
        case Table():
            return f"{len(value.columns)} columns"
        case _:
            return value.definition or "there"


def _text(value: Any) -> str | None:
    match value:
        case bool():
            return "true" if value else "false"
        case tuple():
            return ", ".join(str(item) for item in value) or None
        case _:
            return str(value) if value else None
