"""One subcommand of ALTER TABLE with all that its rule needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrationops.lint.simulation.phase3 import Phase3
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.schema import Column, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Subcommand:
    world: World
    recorder: Recorder
    phase3: Phase3
    table: str
    node: Node  # AlterTableCmd
    before: Table | None = None  # the table when the statement began
    recursive: bool = True  # not ALTER TABLE ONLY

    @property
    def definition(self) -> Node:
        return getattr(self.node, "def")

    @property
    def family(self) -> list[str]:
        """The table with its children, unless ONLY."""
        return self.world.family(self.table) if self.recursive else [self.table]

    def members(self) -> Iterator[Table]:
        """Yield the known tables of the family."""
        for name in self.family:
            if table := self.world.find(name):
                yield table

    def column(self) -> Column | None:
        """Return the column that the subcommand names; a missing one is an error."""
        table = self.world.find(self.table)
        column = table.column(self.node.name) if table else None
        if column is None and self.world.knows_columns(self.table):
            self.recorder.fail(
                "42703",
                f'column "{self.node.name}" of relation "{self.table}" does not exist',
            )
        return column

    def column_or_skip(self) -> Column | None:
        """Like column(), but IF EXISTS makes a missing one harmless."""
        if self.node.missing_ok:
            table = self.world.find(self.table)
            return table.column(self.node.name) if table else None
        return self.column()
