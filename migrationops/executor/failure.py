"""What a failed migration left, in words, with the exit code that fits."""

from __future__ import annotations

from collections.abc import Sequence

from migrationops.exceptions import FailedError, MigrationOpsError, NeedsPersonError
from migrationops.plan import Plan, PlannedMigration

_AGAIN = "Correct it, then run manage.py safe_migrate again"


def failure(
    plan: Plan, failed: PlannedMigration, applied: Sequence[str], error: str
) -> MigrationOpsError:
    """Say what is left, as PostgreSQL left it."""
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
        remedy=f"{_AGAIN}: it continues where this run stopped.",
    )


def stopped(
    plan: Plan, applied: Sequence[str], error: NeedsPersonError
) -> NeedsPersonError:
    """Add what stands to an error that says why the run could not go on."""
    return NeedsPersonError(f"{error}\n{_standing(plan, applied)}", remedy=error.remedy)


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
        f"Not applied: {', '.join(pending)}."
    )


def text(error: BaseException) -> str:
    """Return an error as one line or more of a report."""
    notes = getattr(error, "__notes__", [])
    return "\n".join([f"{type(error).__name__}: {error}".strip(), *notes])
