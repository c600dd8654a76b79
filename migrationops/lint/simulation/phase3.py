"""ALTER TABLE's third phase: what its subcommands leave to do on each table's rows.

PostgreSQL rewrites a table once, or reads it once, for all subcommands together;
indexes are built and foreign keys checked by reading it again.
"""

from __future__ import annotations

from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.world import World


class Phase3:
    """Collects the work of one ALTER TABLE and hands it to the recorder."""

    def __init__(self, world: World, recorder: Recorder) -> None:
        self.world = world
        self.recorder = recorder
        self._rewritten: set[str] = set()
        self._maybe: set[str] = set()

    def rewrite(self, name: str, cause: str) -> None:
        """Rewrite every table of the family that stores rows."""
        for leaf in self.world.leaves(name):
            self._rewritten.add(leaf)
            self.recorder.rewrite(leaf, cause)

    def maybe_rewrite(self, name: str, cause: str) -> None:
        for leaf in self.world.leaves(name):
            self._maybe.add(leaf)
            self.recorder.maybe_rewrite(leaf, cause)

    def scan(self, name: str, cause: str) -> None:
        for leaf in self.world.leaves(name):
            self.recorder.scan(leaf, cause)

    def scan_only(self, name: str, cause: str) -> None:
        """Read one table, not its children."""
        if self.world.stores(name):
            self.recorder.scan(name, cause)

    def build_index(self, name: str, cause: str) -> None:
        for leaf in self.world.leaves(name):
            self.recorder.build_index(leaf, cause)

    def is_rewritten(self, name: str) -> bool | None:
        """Is it rewritten by this statement? None: perhaps."""
        if name in self._rewritten:
            return True
        return None if name in self._maybe else False

    def check_foreign_key(self, child: str, parent: str, cause: str) -> None:
        """Read both sides of a foreign key, unless there is nothing to check."""
        leaves = self.world.leaves(child)
        filled = [leaf for leaf in leaves if not self.world.is_empty(leaf)]
        if not filled:
            return
        for leaf in filled + self.world.leaves(parent):
            self.recorder.scan(leaf, cause)
