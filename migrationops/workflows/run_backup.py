"""The backup of a run: by which engine, whether an earlier one is enough, or a new one.

A plan that only adds is content with one that is there, young and proven enough.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from migrationops.backups import catalog, directory, engines
from migrationops.backups.build import may_create
from migrationops.backups.choice import choose
from migrationops.backups.engine import AnyEngine, ClusterEngine
from migrationops.backups.manifest import Manifest, ProofRecord, sign
from migrationops.backups.presence import present
from migrationops.backups.source import Source, open_source
from migrationops.backups.take import take_backup
from migrationops.conf import Conf, OnFailure, Policy, Proof
from migrationops.exceptions import RefusedError
from migrationops.postgres import databases
from migrationops.workflows import part_backup
from migrationops.workflows.migration_run import Work
from migrationops.workflows.part_backup import PartBackup
from migrationops.workflows.rehearsed_backup import take_rehearsed

_ANY_AGE = 10 * 365 * 24 * 3600.0  # seconds
_DUMP = "Or POLICY's engine 'pg_dump'."


@dataclass(frozen=True, slots=True, kw_only=True)
class Obtained:
    """The backup of a run; of a cluster also what was dumped beside it."""

    backup: Manifest | None = None
    part: PartBackup | None = None


def engine_of(work: Work) -> AnyEngine:
    """Return the run's engine, by the policy or the size."""
    return choose(work.run.journal.connection, work.conf)


def preflight(work: Work) -> str:
    """Refuse, before anything is done, what the engine will not do; return its name."""
    engine = engine_of(work)
    if isinstance(engine, ClusterEngine):
        _check_policy(engine, work.conf.policy)
        engine.check(open_source(work.alias, work.conf))
    elif work.conf.policy.on_failure is OnFailure.RESTORE:
        _check_right(open_source(work.alias, work.conf))
    return engine.name


def earlier(work: Work) -> Manifest | None:
    """Return the backup that is enough for a plan that only adds, and still there."""
    if work.conf.policy.backup in (Proof.NONE, Proof.REHEARSED):
        return None  # on a rehearsed one another plan ran
    if not work.plan.is_additive:
        return None
    place = directory.backup_directory(work.conf)
    source = open_source(work.alias, work.conf)
    listing = present(catalog.list_backups(place, work.conf), source)
    found = catalog.fresh(listing, work.conf, databases.name(work.alias))
    if found is None or _is_of_cluster(engines.engine_of(found)) != _is_of_cluster(
        engine_of(work)
    ):
        return None  # what can be done with it is another thing
    return found


def obtain(work: Work, enough: Manifest | None, spare: float | None) -> Obtained:
    """Return the earlier one, or take one and prove it.

    Of a cluster a restore point comes last, after a dump of the tables that the plan
    changes, if the time budget leaves as many seconds: `spare`, None is any.
    """
    engine, level = engine_of(work), work.conf.policy.backup
    if level is Proof.REHEARSED:
        return Obtained(backup=take_rehearsed(work))
    if not _is_of_cluster(engine):
        return Obtained(backup=enough or _take(work, work.conf, engine, level))
    part, said = part_backup.plan_part(work, spare)
    proven = enough or _take(work, work.conf, engine, level)
    if part and said:
        said = replace(said, id=part_backup.take_part(work, part).id)
    return Obtained(backup=_take_point(work, engine, proven), part=said)


def _take_point(work: Work, engine: AnyEngine, proven: Manifest) -> Manifest:
    """Make a point right before Apply, on top of what was proven.

    Going back to the proven one would lose what others wrote to the cluster since,
    which may have been an hour of proving.
    """
    policy = replace(work.conf.policy, max_backup_age=_ANY_AGE)
    manifest = _take(work, replace(work.conf, policy=policy), engine, Proof.NONE)
    if _label(manifest) != _label(proven):
        return manifest  # somebody has made another backup meanwhile
    basis = f"the point itself; what it builds on is proven with {proven.id}"
    if manifest.pause:  # and proven's is over
        basis = f"this pause; {proven.proof.rows} rows were read in the one before it"
    record = ProofRecord(skipped=(basis,))
    noted = sign(replace(manifest, proof=record), work.conf)
    catalog.write(directory.backup_directory(work.conf), noted)
    return noted


def _label(manifest: Manifest) -> str:
    return manifest.point.label if manifest.point else ""


def _take(work: Work, conf: Conf, engine: AnyEngine, proof: Proof) -> Manifest:
    return take_backup(
        alias=work.alias,
        conf=conf,
        run_id=work.run.run_id,
        proof=proof,
        report=work.run.report,
        engine=engine,
    )


def _is_of_cluster(engine: AnyEngine) -> bool:
    return isinstance(engine, ClusterEngine)


def _check_right(source: Source) -> None:
    with source.maintenance() as connection:
        if not may_create(connection):
            raise RefusedError(
                "POLICY's on_failure is 'restore', and this role may not create "
                "databases, so none could be built beside. Nothing was changed.",
                remedy="Set on_failure to 'stop' or 'reverse', give the role CREATEDB, "
                "or set OPERATOR_URL.",
            )


def _check_policy(engine: ClusterEngine, policy: Policy) -> None:
    if policy.on_failure is OnFailure.RESTORE:
        raise RefusedError(
            f"POLICY's on_failure is 'restore', and {engine.name} restores no database "
            "by itself: it takes the whole cluster back, by hand. Nothing was changed.",
            remedy=f"Set on_failure to 'stop' or 'reverse'. {_DUMP}",
        )
    if policy.backup is Proof.REHEARSED:
        raise RefusedError(
            "POLICY's backup is 'rehearsed', which takes a restored database on the "
            f"server; {engine.name} makes none. Nothing was changed.",
            remedy=f"Set backup to 'restored' or less. {_DUMP}",
        )
