"""A database's schema as frozen values: what the catalog says, without oids.

Two catalogs are equal when a person would call the schemas equal: everything is
named, nothing is numbered, and sizes and statistics are no part of it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache
from typing import Any, cast


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: str
    nullable: bool = True
    default: str | None = None
    identity: str = ""  # "a" always, "d" by default (pg_attribute.attidentity)
    generated: str = ""  # "s" stored, "v" virtual (pg_attribute.attgenerated)
    sequence: str | None = None  # options of an identity column's sequence
    collation: str | None = None  # where it is not the type's
    options: tuple[str, ...] = ()  # storage=, compression=, statistics=, n_distinct=
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    name: str
    definition: str
    columns: tuple[str, ...] = ()  # expressions in parentheses
    unique: bool = False
    primary: bool = False
    valid: bool = True
    predicate: str | None = None
    constraint: str | None = None  # the constraint that it serves
    options: tuple[str, ...] = ()  # clustered, tablespace=
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Constraint:
    name: str
    kind: str  # pg_constraint.contype: c f n p t u x
    definition: str
    columns: tuple[str, ...] = ()
    validated: bool = True
    enforced: bool = True
    references: str | None = None  # "schema.table"
    comment: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    name: str
    definition: str
    enabled: str = "O"  # pg_trigger.tgenabled


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    name: str
    definition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table, partitioned table, view, materialised view or foreign table."""

    schema: str
    name: str
    kind: str = "r"  # pg_class.relkind: r p v m f
    columns: tuple[Column, ...] = ()
    indexes: tuple[Index, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    triggers: tuple[Trigger, ...] = ()
    policies: tuple[Policy, ...] = ()
    persistence: str = "p"
    row_security: bool = False
    row_security_forced: bool = False
    replica_identity: str | None = None  # nothing, full, index NAME
    options: tuple[str, ...] = ()  # storage parameters, using=, tablespace=, server=
    parents: tuple[str, ...] = ()  # "schema.table" inherited or partitioned from
    partition_key: str | None = None
    partition_bound: str | None = None
    definition: str | None = None  # of a view
    comment: str | None = None

    @property
    def qualified_name(self) -> str:
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column | None:
        return next((c for c in self.columns if c.name == name), None)

    def to_json(self) -> dict[str, Any]:
        """Return plain values; what equals its default is left out."""
        return cast("dict[str, Any]", _plain(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """Anything else with a name and a definition: function, enum, domain ..."""

    kind: str  # function enum domain composite range sequence extension schema ...
    schema: str  # blank where the kind has none
    name: str
    definition: str
    comment: str | None = None

    @property
    def qualified_name(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name

    @property
    def label(self) -> str:
        return f"{self.kind} {self.qualified_name}"

    def to_json(self) -> dict[str, Any]:
        """Return plain values; what equals its default is left out."""
        return cast("dict[str, Any]", _plain(self))


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """The whole schema of one database, sorted by name."""

    tables: tuple[Table, ...] = ()
    objects: tuple[Object, ...] = ()
    _by_name: dict[str, Table] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        self._by_name.update({t.qualified_name: t for t in self.tables})

    def table(self, qualified_name: str) -> Table | None:
        return self._by_name.get(qualified_name)

    def restricted_to(self, names: Iterable[str]) -> Catalog:
        """Return the part that holds these tables only."""
        wanted = set(names)
        return Catalog(
            tables=tuple(t for t in self.tables if t.qualified_name in wanted)
        )

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the canonical JSON of everything in it, in hex."""
        lines = [_digest(part) for part in (*self.tables, *self.objects)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def without(self, objects: Collection[str]) -> Catalog:
        """Return this less these objects, each named as "kind name"."""
        kept = tuple(o for o in self.objects if o.label not in objects)
        return Catalog(tables=self.tables, objects=kept)

    def with_tables(
        self,
        tables: Iterable[Table],
        *,
        gone: Iterable[str] = (),
        objects: tuple[Object, ...],
    ) -> Catalog:
        """Return this with these tables as they are now, and without those gone."""
        known = self._by_name | {t.qualified_name: t for t in tables}
        for name in gone:
            known.pop(name, None)
        ordered = sorted(known.values(), key=lambda t: (t.schema, t.name))
        return Catalog(tables=tuple(ordered), objects=objects)

    def to_json(self) -> dict[str, Any]:
        return {
            "tables": [t.to_json() for t in self.tables],
            "objects": [o.to_json() for o in self.objects],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Catalog:
        return cls(
            tables=tuple(_table(t) for t in data["tables"]),
            objects=tuple(Object(**o) for o in data["objects"]),
        )


_PARTS: dict[str, type] = {
    "columns": Column,
    "indexes": Index,
    "constraints": Constraint,
    "triggers": Trigger,
    "policies": Policy,
}


def _table(data: dict[str, Any]) -> Table:
    parts = {
        key: tuple(part(**_tuples(item)) for item in data.get(key, ()))
        for key, part in _PARTS.items()
    }
    return Table(**{**_tuples(data), **parts})


@lru_cache(maxsize=8192)
def _digest(part: Table | Object) -> str:
    # Kept: of thousands of tables a statement changes one.
    text = json.dumps(part.to_json(), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _defaults(cls: type) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, f.default) for f in dataclasses.fields(cls))


def _plain(value: Any) -> Any:
    """dataclasses.asdict copies deeply, which takes seconds at 2,000 tables."""
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, (type(None), bool, int, str)):
        return value
    return {
        name: _plain(found)
        for name, default in _defaults(value.__class__)
        if (found := getattr(value, name)) != default
    }


def _tuples(data: dict[str, Any]) -> dict[str, Any]:
    return {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
