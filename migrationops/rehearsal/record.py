"""A rehearsal as a frozen value, which travels as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from migrationops.executor.footprint import Footprint, leading
from migrationops.executor.recorded import RecordedStep, Script, StepKind
from migrationops.rehearsal.facts import Facts
from migrationops.schema import Catalog
from migrationops.shadow.isolation import Refusal


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The compact form of what a step made of the catalog: what is new or gone."""

    tables: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    objects: dict[str, dict[str, Any] | None] = field(default_factory=dict)

    @classmethod
    def between(cls, before: Catalog, after: Catalog) -> Change:
        return cls(
            tables=_changed(
                {t.qualified_name: t for t in before.tables},
                {t.qualified_name: t for t in after.tables},
            ),
            objects=_changed(
                {o.label: o for o in before.objects},
                {o.label: o for o in after.objects},
            ),
        )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: after[name].to_json() if name in after else None
        for name in dict.fromkeys((*before, *after))
        if before.get(name) != after.get(name)
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedStep:
    """A statement of the schema editor, or an operation that writes by itself.

    `before` and `after` are fingerprints of the whole catalog.
    """

    position: int
    kind: StepKind
    operation: str
    description: str
    template: str
    sql: str
    before: str
    after: str
    facts: Facts | None = None
    change: Change = Change()
    repeatable: bool = False

    @property
    def footprint(self) -> Footprint:
        """What it took of tables that were there before its transaction."""
        facts = self.facts
        if self.kind is StepKind.DATA or facts is None or facts.alone:
            return Footprint(works=True)
        rows = {*facts.visited, *facts.scanned, *facts.rewritten, *facts.written}
        locks = {n: lock for n, lock in facts.locks.items() if n not in facts.new}
        return Footprint.of(self.sql, locks, works=bool(rows - set(facts.new)))

    @property
    def recorded(self) -> RecordedStep:
        return RecordedStep(
            position=self.position,
            kind=self.kind,
            operation=self.operation,
            template=self.template,
            sql=self.sql,
            before=self.before,
            after=self.after,
            repeatable=self.repeatable,
            locks=leading([self.footprint]),
        )

    def to_json(self) -> dict[str, Any]:
        values = {key: getattr(self, key) for key in _STEP}
        return {
            **values,
            "description": self.description,
            "facts": self.facts.to_json() if self.facts else None,
            "change": asdict(self.change),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RehearsedStep:
        facts = data["facts"]
        return cls(
            **{
                **data,
                "kind": StepKind(data["kind"]),
                "facts": Facts.from_json(facts) if facts else None,
                "change": Change(**data["change"]),
            }
        )


_STEP = (
    "position",
    "kind",
    "operation",
    "template",
    "sql",
    "before",
    "after",
    "repeatable",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RehearsedMigration:
    app: str
    name: str
    source_hash: str
    atomic: bool
    seconds: float
    steps: tuple[RehearsedStep, ...] = ()

    @property
    def label(self) -> str:
        return f"{self.app}.{self.name}"

    @property
    def script(self) -> Script:
        return Script(
            app=self.app,
            name=self.name,
            source_hash=self.source_hash,
            steps=tuple(step.recorded for step in self.steps),
        )

    def to_json(self) -> dict[str, Any]:
        values = {key: getattr(self, key) for key in _MIGRATION}
        return {**values, "steps": [step.to_json() for step in self.steps]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> RehearsedMigration:
        steps = tuple(RehearsedStep.from_json(s) for s in data["steps"])
        return cls(**{**data, "steps": steps})


_MIGRATION = ("app", "name", "source_hash", "atomic", "seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Where a rehearsal ended before its end; `migration` is blank before any."""

    migration: str
    operation: str
    error: str

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.migration, self.operation) if part)
        return f"{where}: {self.error}" if where else self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """What the child process did and saw."""

    migrations: tuple[RehearsedMigration, ...] = ()
    before: str = ""  # fingerprint of the shadow's catalog
    after: str = ""
    touched: Catalog = field(default_factory=Catalog)  # what changed, as it is after
    gone: tuple[str, ...] = ()  # tables that are no more
    failure: Failure | None = None
    irreversible: tuple[str, ...] = ()  # why the way back is not proven
    reversed: bool = False  # forward, back, forward was done, and catalogs agreed
    incompatible: tuple[str, ...] = ()  # what the previous release's models cannot
    refusals: tuple[Refusal, ...] = ()
    mails: int = 0  # sent, and kept in memory

    @property
    def steps(self) -> tuple[RehearsedStep, ...]:
        return tuple(step for m in self.migrations for step in m.steps)

    def to_json(self) -> dict[str, Any]:
        return {
            "migrations": [m.to_json() for m in self.migrations],
            "scripts": [m.script.to_json() for m in self.migrations if not m.atomic],
            "before": self.before,
            "after": self.after,
            "touched": self.touched.to_json(),
            "gone": list(self.gone),
            "failure": asdict(self.failure) if self.failure else None,
            "irreversible": list(self.irreversible),
            "reversed": self.reversed,
            "incompatible": list(self.incompatible),
            "refusals": [r.to_json() for r in self.refusals],
            "mails": self.mails,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Performance:
        failure = data["failure"]
        return cls(
            migrations=_each(RehearsedMigration.from_json, data["migrations"]),
            before=data["before"],
            after=data["after"],
            touched=Catalog.from_json(data["touched"]),
            gone=tuple(data["gone"]),
            failure=Failure(**failure) if failure else None,
            irreversible=tuple(data["irreversible"]),
            reversed=data["reversed"],
            incompatible=tuple(data["incompatible"]),
            refusals=_each(lambda r: Refusal(**r), data["refusals"]),
            mails=data["mails"],
        )


def _each(read: Any, items: Iterable[dict[str, Any]]) -> tuple[Any, ...]:
    return tuple(read(item) for item in items)
