"""What a rule is: an id, a text for people, and a trigger over facts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from migrationops.lint import severity
from migrationops.lint.finding import Severity
from migrationops.lint.simulation.effects import Event, Touch, Work
from migrationops.lint.units import MigrationUnit, OperationUnit, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """What a rule found; the linter adds where."""

    severity: Severity
    message: str
    table: str = ""
    remedy: str = ""  # with real names; blank: the rule's example


class Rule(ABC):
    """One hazard. `remedy` is what to do instead, as code for Django."""

    id: ClassVar[str]
    title: ClassVar[str]
    problem: ClassVar[str]
    remedy: ClassVar[str]
    source: ClassVar[str]
    design: ClassVar[bool] = False  # advice: opt-in, and it never blocks


class StatementRule(Rule):
    """Looks at one SQL statement."""

    @abstractmethod
    def check(self, step: Step) -> Iterator[Hit]: ...


class OperationRule(Rule):
    """Looks at one operation of Django's."""

    @abstractmethod
    def check_operation(self, unit: OperationUnit) -> Iterator[Hit]: ...


class MigrationRule(Rule):
    """Looks at a whole migration."""

    @abstractmethod
    def check_migration(self, unit: MigrationUnit) -> Iterator[Hit]: ...


_VERBS = {
    Work.REWRITE: "is rewritten",
    Work.SCAN: "is read through",
    Work.INDEX: "gets an index built",
}


class WorkRule(StatementRule):
    """A table is rewritten, read or indexed behind a lock that blocks writers."""

    causes: ClassVar[tuple[str, ...]]

    def check(self, step: Step) -> Iterator[Hit]:
        """Say it once a statement, of the table where it is worst."""
        found = [t for t in step.effect.touched(*self.causes) if self.applies(t, step)]
        found.sort(key=lambda t: severity.of_work(t).rank, reverse=True)
        tables = list(dict.fromkeys(touch.table for touch in found))
        for touch in found[:1]:
            yield Hit(
                severity=severity.of_work(touch),
                table=touch.table,
                message=f"{self.message(touch)}{_others(tables[1:])}",
            )

    def applies(self, touch: Touch, step: Step) -> bool:
        """Nobody sees a new table; an empty one is told of, as safe."""
        blocking = touch.lock is not None and touch.lock.blocks_writes
        return blocking and not touch.new and step.effect.failure is None

    def message(self, touch: Touch) -> str:
        perhaps = "" if touch.certain else "perhaps "
        return (
            f"{self.title}: {touch.table} ({severity.size_text(touch)}) "
            f"{perhaps}{_VERBS[touch.work]} under {severity.held_text(touch)}."
        )


_NAMED = 3  # of many tables


def _others(tables: list[str]) -> str:
    if not tables:
        return ""
    more = len(tables) - _NAMED
    rest = f" and {more} more" if more > 0 else ""
    return f" So for {', '.join(tables[:_NAMED])}{rest}."


class EventRule(StatementRule):
    """A statement does something to the schema or to data."""

    kinds: ClassVar[tuple[str, ...]]

    def check(self, step: Step) -> Iterator[Hit]:
        for event in step.events(*self.kinds):
            if self.applies(event, step):
                yield Hit(
                    severity=self.severity(event, step),
                    table=event.table,
                    message=self.message(event, step),
                    remedy=self.remedy_for(event, step),
                )

    def remedy_for(self, event: Event, step: Step) -> str:
        """Return the remedy in this table's own names; blank for the example."""
        return ""

    def applies(self, event: Event, step: Step) -> bool:
        return not step.is_new(event.table)

    def severity(self, event: Event, step: Step) -> Severity:
        return severity.of_table(step, event.table, Severity.CAREFUL)

    def message(self, event: Event, step: Step) -> str:
        place = ".".join(part for part in (event.table, event.name) if part)
        return f"{self.title}: {place}." if place else f"{self.title}."


class DeployRule(EventRule):
    """Breaks the code that is still running while the new one is rolled out."""

    def severity(self, event: Event, step: Step) -> Severity:
        return severity.of_deploy(step, event.table)
