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
        for touch in step.effect.touched(*self.causes):
            if self.applies(touch, step):
                yield Hit(
                    severity=severity.of_work(touch),
                    table=touch.table,
                    message=self.message(touch),
                )

    def applies(self, touch: Touch, step: Step) -> bool:
        """Nobody sees a new table; an empty one is told of, as safe."""
        blocking = touch.lock is not None and touch.lock.blocks_writers
        return blocking and not touch.new and step.effect.failure is None

    def message(self, touch: Touch) -> str:
        perhaps = "" if touch.certain else "perhaps "
        return (
            f"{self.title}: {touch.table} ({severity.size_text(touch)}) "
            f"{perhaps}{_VERBS[touch.work]} under {severity.held_text(touch)}."
        )


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
                )

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
