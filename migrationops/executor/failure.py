"""What a failed migration left, in words, with the exit code that fits."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

from django.db.migrations import Migration

from migrationops.exceptions import FailedError, MigrationOpsError, NeedsPersonError
from migrationops.graph import Key
from migrationops.operations.base import is_reentrant
from migrationops.plan import Plan, PlannedMigration

_AGAIN = "Correct it, then run manage.py safe_migrate again"


class WayOn(Enum):
    """How a migration that failed goes on."""

    FROM_ITS_START = auto()  # rolled back, or every operation can be run again
    AT_ITS_STEP = auto()  # as it was rehearsed, so its file must stay as it is
    BY_HAND = auto()

    @classmethod
    def of(cls, migration: Migration, *, rehearsed: bool) -> WayOn:
        if migration.atomic or is_reentrant(migration):
            return cls.FROM_ITS_START
        return cls.AT_ITS_STEP if rehearsed else cls.BY_HAND


def by_hand(key: Key) -> str:
    """Say how a person settles a migration that is applied in part."""
    command = f"manage.py resolve_migration {' '.join(key)}"
    return (
        f"Undo its steps by hand, then {command} --rolled-back; "
        f"or complete them, then {command} --applied."
    )


def failure(
    plan: Plan,
    failed: PlannedMigration,
    applied: Sequence[str],
    error: str,
    *,
    way: WayOn = WayOn.FROM_ITS_START,
) -> MigrationOpsError:
    """Say what is left, as PostgreSQL left it, and how it goes on."""
    cause = f"{failed.label} failed: {error}"
    if failed.atomic and not applied:
        return FailedError(
            f"{cause}\nIt was rolled back; records and catalog are as before the run.",
            remedy=f"{_AGAIN}.",
        )
    state = (
        "rolled back"
        if failed.atomic
        else "applied in part (its steps are in the history)"
    )
    return NeedsPersonError(
        f"{cause}\nIt was {state}. {_standing(plan, applied)}",
        remedy=_remedy(failed, way),
    )


def _remedy(failed: PlannedMigration, way: WayOn) -> str:
    match way:
        case WayOn.FROM_ITS_START:
            return f"{_AGAIN}: it continues where this run stopped."
        case WayOn.AT_ITS_STEP:
            return (
                "Correct what stopped it and leave its file as it is, then run "
                "manage.py safe_migrate again: it continues at that step. "
                f"Where the file is wrong: {by_hand(failed.key)}"
            )
        case WayOn.BY_HAND:
            return by_hand(failed.key)


def stopped(
    plan: Plan, applied: Sequence[str], error: NeedsPersonError
) -> NeedsPersonError:
    """Add what stands to an error that says why the run could not go on."""
    return NeedsPersonError(f"{error}\n{_standing(plan, applied)}", remedy=error.remedy)


def too_late(
    plan: Plan, failed: PlannedMigration, applied: Sequence[str], error: str
) -> NeedsPersonError:
    """Say that the migration is done, though the run could not go on after it."""
    return NeedsPersonError(
        f"{failed.label} was applied, and then the run could not go on: {error}\n"
        f"{_standing(plan, applied)}",
        remedy="Run manage.py safe_migrate again: it goes on from there.",
    )


def unknown(
    plan: Plan, failed: PlannedMigration, applied: Sequence[str], error: str
) -> NeedsPersonError:
    """Say that the database does not answer, so that more may be done than is known."""
    return NeedsPersonError(
        f"{failed.label} failed, and the server cannot be asked what became of it: "
        f"{error}\nAs far as is known: {_standing(plan, applied)}",
        remedy="When the server is back: manage.py safe_migrate. What is committed is "
        "recorded, and it goes on from there.",
    )


def reversed_failure(
    failed: PlannedMigration, applied: Sequence[str], error: str
) -> FailedError:
    """Say that the run's migrations were taken back, as the policy wants."""
    return FailedError(
        f"{failed.label} failed: {error}\n"
        "It was rolled back, and this run's migrations were "
        f"reversed: {', '.join(reversed(applied))}. "
        "Records and catalog are as before the run.",
        remedy=f"{_AGAIN}.",
    )


def _standing(plan: Plan, applied: Sequence[str]) -> str:
    pending = [m.label for m in plan.migrations[len(applied) :]]
    return (
        f"Applied and recorded in this run: {', '.join(applied) or 'none'}. "
        f"Not applied: {', '.join(pending) or 'none'}."
    )


def text(error: BaseException) -> str:
    """Return an error as one line or more of a report."""
    notes = [*getattr(error, "__notes__", []), getattr(error, "remedy", "")]
    lines = [f"{type(error).__name__}: {error}".strip(), *notes]
    return "\n".join(line for line in lines if line)
