"""How long a run will take, and whether the policy allows that much."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta

from migrationops.backups.estimate import estimate
from migrationops.conf import Conf, Proof
from migrationops.exceptions import RefusedError
from migrationops.models import Step
from migrationops.postgres.databases import Connection
from migrationops.progress import Stage
from migrationops.rehearsal.rehearse import Rehearsal
from migrationops.workflows import run_backup
from migrationops.workflows.migration_run import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Seconds of what is done and of what is to come; None is unknown, not nothing."""

    spent: float
    rehearse: float | None
    backup: float
    apply: float | None

    @property
    def total(self) -> float:
        """Return the sum of what is known: the run takes no less."""
        return self.spent + (self.rehearse or 0) + self.backup + (self.apply or 0)

    def __str__(self) -> str:
        times = asdict(self)
        how = "at least" if None in times.values() else "about"
        parts = ", ".join(f"{name} {_text(value)}" for name, value in times.items())
        return f"{how} {_text(self.total)} ({parts})"


def require(
    work: Work, rehearsal: Rehearsal | None, *, has_backup: bool
) -> dict[str, float | None]:
    """Refuse a run that would take too long; return what is expected.

    The backup from sizes and the backup before it, the rehearsal from the one before
    it, applying from the rehearsal and the live sizes: unknown without one.
    """
    expected = _expect(work, rehearsal, has_backup=has_backup)
    budget = work.conf.policy.time_budget
    if budget and expected.total > budget:
        raise RefusedError(
            f"The run would take {expected}, and its time budget is "
            f"{_text(budget)}. Nothing of yours was changed.",
            remedy=" Or ".join(_choices(work, expected)),
        )
    return asdict(expected)


def spare(work: Work, rehearsal: Rehearsal | None, *, has_backup: bool) -> float | None:
    """Return the seconds that the time budget leaves; None where there is none."""
    expected = _expect(work, rehearsal, has_backup=has_backup)
    budget = work.conf.policy.time_budget
    return budget - expected.total if budget else None


def _expect(work: Work, rehearsal: Rehearsal | None, *, has_backup: bool) -> Expected:
    connection, policy = work.run.journal.connection, work.conf.policy
    level = Proof.NONE if has_backup else policy.backup
    return Expected(
        spent=_spent(work, connection),
        rehearse=_rehearse(connection) if policy.rehearse and not rehearsal else 0,
        backup=_backup(work, connection, level) if level else 0.0,
        apply=sum(e.seconds for e in rehearsal.estimates) if rehearsal else None,
    )


def _backup(work: Work, connection: Connection, level: Proof) -> float:
    engine = run_backup.engine_of(work).name
    return estimate(connection, work.conf, level, engine).seconds


def _spent(work: Work, connection: Connection) -> float:
    seconds = _seconds(
        connection,
        "SELECT extract(epoch FROM now() - started_at) "
        "FROM migrationops_run WHERE id = %s",
        work.run.journal.run_id,
    )
    return seconds or 0.0


def _rehearse(connection: Connection) -> float | None:
    """Return what the newest rehearsal took; None where there was none."""
    return _seconds(
        connection,
        "SELECT extract(epoch FROM finished_at - started_at) FROM migrationops_step "
        "WHERE kind = %s AND label = %s AND state = %s "
        "AND NOT coalesce((detail->>'reused')::boolean, false) "
        "ORDER BY id DESC LIMIT 1",
        Step.Kind.STAGE.value,
        Stage.REHEARSE.value,
        Step.State.DONE.value,
    )


def _seconds(connection: Connection, query: str, *values: object) -> float | None:
    row = connection.execute(query.encode(), values).fetchone()
    return float(row[0]) if row else None


def _choices(work: Work, expected: Expected) -> list[str]:
    """Name what would make it shorter, and what would allow it."""
    choices = [f"Set MIGRATIONOPS['TIME_BUDGET'] above {expected.total:.0f} seconds."]
    if expected.backup:
        choices += _backup_choices(work.conf)
        if work.plan.is_additive:
            choices.append("manage.py backup beforehand: this plan is content with it.")
    return choices


def _backup_choices(conf: Conf) -> list[str]:
    choices = []
    if conf.pgbackrest is None and conf.standby is None:
        choices.append("Name pgBackRest's stanza in MIGRATIONOPS['PGBACKREST'].")
        choices.append("Name a standby in MIGRATIONOPS['STANDBY'].")
    if conf.policy.backup >= Proof.RESTORED and not conf.proof_url:
        choices.append("Set MIGRATIONOPS['PROOF_URL'] to a faster server.")
    if conf.policy.backup > Proof.DECODED:
        choices.append("Ask for less proof by POLICY's backup, as 'decoded'.")
    return choices


def _text(seconds: float | None) -> str:
    if seconds is None:
        return "unknown"
    return str(timedelta(seconds=round(seconds)))
