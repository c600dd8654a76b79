"""The state that a script runs in: schema, sizes, transaction, session settings.

Mutable on purpose: the simulation drives one World through a script. The values in
it are frozen, so copying is cheap and what was recorded stays true.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from migrationops.lint.simulation import datatypes, syntax
from migrationops.lint.simulation.datatypes import Domain, TypeRef
from migrationops.lint.simulation.facts import DEFAULT, Facts, Function
from migrationops.lint.simulation.ranges import Histogram
from migrationops.lint.simulation.syntax import Node
from migrationops.postgres.table_locks import Lock
from migrationops.schema import Catalog, Table


@dataclass(slots=True, kw_only=True)
class World:
    facts: Facts = DEFAULT
    complete: bool = True  # a table that is not listed does not exist
    tables: dict[str, Table] = field(default_factory=dict)
    vague: set[str] = field(default_factory=set)  # tables assumed, columns unknown
    rows: dict[str, int | None] = field(default_factory=dict)  # None: some, or unknown
    spread: dict[tuple[str, str], Histogram] = field(default_factory=dict)  # of columns
    made: set[str] = field(default_factory=set)  # tables, by this plan or script
    domains: dict[str, Domain] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)  # name: enum, composite ...
    functions: dict[str, tuple[Function, ...]] = field(default_factory=dict)
    statistics: dict[str, str] = field(default_factory=dict)  # name: its table
    sequences: set[str] = field(default_factory=set)
    schemas: set[str] = field(default_factory=lambda: {"public"})

    atomic: bool = True  # runs in one transaction
    in_transaction: bool = False
    aborted: bool = False
    held: dict[str, Lock] = field(default_factory=dict)
    created: set[str] = field(default_factory=set)  # tables, in this transaction
    fresh_files: set[str] = field(default_factory=set)  # rewritten in it
    new_labels: set[tuple[str, str]] = field(default_factory=set)  # of old enums
    settings: dict[str, str] = field(default_factory=dict)
    local_settings: dict[str, str] = field(default_factory=dict)
    prepared: dict[str, Node] = field(default_factory=dict)  # statements, by name
    savepoints: list[tuple[str, World]] = field(default_factory=list)

    @classmethod
    def of(
        cls,
        catalog: Catalog,
        *,
        facts: Facts = DEFAULT,
        rows: dict[str, int] | None = None,
        complete: bool = True,
    ) -> World:
        """Begin from a catalog; without `rows` no size is known."""
        world = cls(facts=facts, complete=complete, rows=dict(rows or {}))
        world.tables = {t.qualified_name: t for t in catalog.tables}
        world.schemas |= {t.schema for t in catalog.tables}
        for item in catalog.objects:
            world.add_object(item.kind, item.qualified_name, item.definition)
        return world

    def add_object(self, kind: str, name: str, definition: str) -> None:
        match kind:
            case "domain":
                self.types[name] = kind
                self.domains[name] = self._domain(definition)
            case "enum" | "composite" | "range":
                self.types[name] = kind
            case "statistics":
                (statement,) = syntax.parse(definition)
                relation = statement.tree.relations[0].range_var
                self.statistics[name] = self.name_of(relation)
            case "sequence":
                self.sequences.add(name)
            case "schema":
                self.schemas.add(name.rstrip("."))
            case _:
                pass  # nothing that a table's rows depend on

    def _domain(self, definition: str) -> Domain:
        # The grammar has no NOT VALID here; on the type it makes no difference.
        text = definition.replace(" NOT VALID", "")
        (statement,) = syntax.parse(f"CREATE DOMAIN d AS {text}")
        return datatypes.domain_of(
            statement.tree, self.type_of(statement.tree.type_name)
        )

    def copy(self) -> World:
        """Return a copy that may go its own way."""
        other = copy.copy(self)
        for name in _CONTAINERS:
            setattr(other, name, copy.copy(getattr(self, name)))
        return other

    def restore(self, other: World) -> None:
        """Become what a copy was."""
        for name in World.__slots__:
            setattr(self, name, getattr(other, name))

    # --- names

    @property
    def search_path(self) -> list[str]:
        text = self.setting("search_path") or "public"
        names = [part.strip(' "') for part in text.split(",")]
        return [n for n in names if n != "$user"] or ["public"]

    def setting(self, name: str) -> str:
        return self.local_settings.get(name) or self.settings.get(name, "")

    def set(self, name: str, value: str, *, local: bool) -> None:
        if not local:
            self.settings[name] = value
            self.local_settings.pop(name, None)
        elif self.in_transaction:
            self.local_settings[name] = value

    def qualify(self, parts: tuple[str, ...]) -> str:
        """Return schema.name: where it exists on the path, else the path's first."""
        if len(parts) > 1:
            return ".".join(parts[-2:])
        found = (f"{s}.{parts[0]}" for s in ["pg_temp", *self.search_path])
        first = f"{self.search_path[0]}.{parts[0]}"
        return next((n for n in found if self._exists(n)), first)

    def _exists(self, name: str) -> bool:
        return name in self.tables or name in self.types or name in self.sequences

    def name_of(self, relation: Node) -> str:
        """Return a RangeVar's schema.table."""
        parts = (relation.schemaname, relation.relname)
        return self.qualify(tuple(p for p in parts if p))

    def type_of(self, node: Node) -> TypeRef:
        return self.resolve(datatypes.of_type_name(node))

    def type_of_text(self, text: str) -> TypeRef | None:
        type_ = datatypes.of_text(text)
        return type_ and self.resolve(type_)

    def resolve(self, type_: TypeRef) -> TypeRef:
        """Qualify a user type's name; a built-in one keeps its short name."""
        if "." in type_.name:
            return type_
        for schema in self.search_path:
            name = f"{schema}.{type_.name}"
            if name in self.types or name in self.facts.types or name in self.tables:
                return replace(type_, name=name)
        return type_

    # --- tables

    def find(self, name: str) -> Table | None:
        return self.tables.get(name)

    def assume(self, name: str) -> None:
        """Let a table exist of which nothing else is known."""
        schema, _, short = name.rpartition(".")
        self.put(Table(schema=schema, name=short))
        self.vague.add(name)

    def knows_columns(self, name: str) -> bool:
        return name in self.tables and name not in self.vague

    def index_owner(self, name: str) -> Table | None:
        """Return the table of an index, named schema.index."""
        schema, _, short = name.rpartition(".")
        for table in self.tables.values():
            if table.schema == schema and any(i.name == short for i in table.indexes):
                return table
        return None

    def is_index(self, name: str) -> bool:
        return name not in self.tables and self.index_owner(name) is not None

    def put(self, table: Table) -> None:
        self.tables[table.qualified_name] = table

    def children(self, name: str) -> list[str]:
        """Return partitions and inheriting tables, one level down."""
        return [t.qualified_name for t in self.tables.values() if name in t.parents]

    def descendants(self, name: str) -> list[str]:
        """Return partitions and inheriting tables, all levels down."""
        below = self.children(name)
        return below + [d for child in below for d in self.descendants(child)]

    def family(self, name: str) -> list[str]:
        return [name, *self.descendants(name)]

    def leaves(self, name: str) -> list[str]:
        """Return the tables of the family that store rows."""
        return [n for n in self.family(name) if self.stores(n)]

    def stores(self, name: str) -> bool:
        table = self.tables.get(name)
        return table is None or table.kind in {"r", "m"}

    def referencing(self, name: str) -> Iterator[tuple[Table, str]]:
        """Yield each table with a foreign key to this one, and the key's name."""
        for table in self.tables.values():
            for constraint in table.constraints:
                if constraint.kind == "f" and constraint.references == name:
                    yield table, constraint.name

    def row_count(self, name: str) -> int | None:
        """Return the rows that are known, None when there may be any number."""
        return self.rows.get(name)

    def is_empty(self, name: str) -> bool:
        return self.rows.get(name) == 0

    # --- transactions

    def begin(self) -> None:
        self.in_transaction = True

    def end(self) -> None:
        """Forget what lives as long as a transaction."""
        self.in_transaction = self.aborted = False
        self.held, self.created, self.fresh_files = {}, set(), set()
        self.new_labels, self.savepoints, self.local_settings = set(), [], {}


_CONTAINERS = [
    name
    for name in World.__slots__
    if isinstance(getattr(World(), name), dict | set | list)
]
