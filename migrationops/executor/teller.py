"""What a run tells of each migration, whoever watches."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops.executor.session import Session
from migrationops.progress import Progress, Stage, State


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells of one migration, `number` of `total`."""

    session: Session
    label: str
    number: int
    total: int

    def advanced(self, note: str) -> None:
        self(State.ADVANCED, note)

    def __call__(self, state: State, note: str = "") -> None:
        event = Progress(
            stage=Stage.APPLY,
            state=state,
            label=f"{self.label} {note}".strip(),
            done=self.number,
            total=self.total,
            unit="migrations",
        )
        self.session.report(event)
