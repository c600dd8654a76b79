"""What follows a restore's swap: it is made, so that a failure here is a warning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from migrationops import stamp
from migrationops.backups import difference, followers
from migrationops.backups.carry import carry_history
from migrationops.backups.derived import Derived
from migrationops.backups.difference import Difference
from migrationops.backups.source import Source
from migrationops.conf import Conf
from migrationops.exceptions import MigrationOpsError, describe
from migrationops.history import Recording
from migrationops.postgres.locks import RunnerLock
from migrationops.progress import ProgressCallback
from migrationops.workflows.preparation import install_own_tables

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Aftermath:
    """The work that is left, and what became of it."""

    source: Source
    conf: Conf
    kept: Derived
    warnings: list[str] = field(default_factory=list)

    def do(self, otherwise: str, work: Callable[[], T]) -> T | None:
        """Work; when that fails, keep why, and how things are `otherwise`."""
        try:
            return work()
        except MigrationOpsError as exc:
            self.warnings.append(f"{otherwise}: {exc} {exc.remedy}".strip())
        except Exception as exc:
            self.warnings.append(f"{otherwise}: {describe(exc)}")
        return None

    def install_own_tables(self, lock: RunnerLock, report: ProgressCallback) -> None:
        """Bring migrationops' own tables from the backup's time to this release's."""
        alias = self.source.alias
        self.do(
            "migrationops' own tables are as the backup had them",
            lambda: install_own_tables(alias, self.conf, lock, report),
        )

    def carry_history(self, run: Recording) -> int | None:
        """Carry the history into a database that had no place for it until now."""
        return self.do(
            f"the history of runs is in {self.kept.name} only",
            lambda: self._carry_history(run),
        )

    def differences(self) -> tuple[Difference, ...] | None:
        """Compare the kept database with the restored one, row by row."""
        return self.do("the rows were not compared", self._compare)

    def drop_slots(self) -> tuple[str, ...]:
        """Drop the logical slots that follow the kept database."""
        dropped = self.do(
            f"slots of {self.kept.name} still keep its WAL",
            lambda: followers.drop_slots(self.source, self.kept),
        )
        return dropped or ()

    def _carry_history(self, run: Recording) -> int:
        source = self.source
        with source.connect(self.kept.name) as old, source.connect() as live:
            stamp.write(live, self.conf)
            return carry_history(old, live, run.run_id)

    def _compare(self) -> tuple[Difference, ...]:
        source = self.source
        with source.connect(self.kept.name) as old, source.connect() as live:
            return difference.differences(old, live)
