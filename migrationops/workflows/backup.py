"""Take a backup, by itself."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from migrationops import history, stamp
from migrationops.backups.choice import choose
from migrationops.backups.derived import Role
from migrationops.backups.engine import AnyEngine, ClusterEngine
from migrationops.backups.engines import ENGINES
from migrationops.backups.manifest import Manifest
from migrationops.backups.take import take_backup
from migrationops.conf import Conf, Proof, get_conf
from migrationops.exceptions import RefusedError
from migrationops.history import Recording
from migrationops.progress import ProgressCallback, Stage
from migrationops.workflows.preparation import install_own_tables, locked
from migrationops.workflows.standing import after_backup

_COMMAND = "backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the operator asked for; None means the policy's."""

    alias: str
    proof: Proof | None = None
    ready_copy: bool = False
    engine: str | None = None
    jobs: int | None = None
    wait: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    backup: Manifest
    run: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        return {
            "version": 1,
            "backup": self.backup.to_json(),
            "run": self.run,
            "seconds": round(self.seconds, 3),
        }


def backup(request: Request, report: ProgressCallback) -> Report:
    """Back up the database under the runner lock, prove it, and record the run."""
    started = time.monotonic()
    conf = get_conf()
    stamp.require_environment(request.alias, conf)
    proof = request.proof or max(conf.policy.backup, Proof.DECODED)
    if request.ready_copy:
        proof = max(proof, Proof.RESTORED)
    with locked(
        request.alias, conf, _COMMAND, wait=request.wait, report=report
    ) as lock:
        install_own_tables(request.alias, conf, lock, report)
        with (
            history.recording(
                request.alias, conf, _COMMAND, report, standing=after_backup
            ) as run,
            run.stage(Stage.BACKUP) as step,
        ):
            manifest = _take(request, conf, proof, run)
            run.journal.update(backup=manifest.to_json())
            step.detail.update(
                bytes=manifest.size,
                database_bytes=manifest.database_bytes,
                dump_seconds=manifest.dump_seconds,
                proof_seconds=manifest.proof.seconds,
            )
    return Report(backup=manifest, run=run.run_id, seconds=time.monotonic() - started)


def _take(request: Request, conf: Conf, proof: Proof, run: Recording) -> Manifest:
    engine = _engine(request, conf, run)
    alone = run.journal.suspended(request.alias, _COMMAND)
    with alone if engine.exclusive else nullcontext():
        return take_backup(
            alias=request.alias,
            conf=conf,
            run_id=run.run_id,
            proof=proof,
            report=run.report,
            keep=Role.READY if request.ready_copy else None,
            engine=engine,
            jobs=request.jobs,
        )


def _engine(request: Request, conf: Conf, run: Recording) -> AnyEngine:
    """Return the engine asked for, or the policy's; refuse what it cannot leave."""
    if request.engine is None:
        engine = choose(run.journal.connection, conf)
    else:
        engine = ENGINES[request.engine]
    if request.ready_copy and isinstance(engine, ClusterEngine):
        raise RefusedError(
            f"{engine.name} keeps a cluster: there is no database to be swapped in. "
            "Nothing was changed.",
            remedy="Leave --ready-copy out, or --engine pg_dump.",
        )
    return engine
