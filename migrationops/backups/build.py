"""A backup, restored beside the live database and compared with its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from psycopg import sql

from migrationops.backups import contents, derived, growth
from migrationops.backups.derived import Derived, Role
from migrationops.backups.engine import Engine, RestoreTask
from migrationops.backups.manifest import Manifest
from migrationops.backups.source import Source
from migrationops.backups.toc import is_superuser
from migrationops.exceptions import BackupError
from migrationops.postgres import beside, introspection
from migrationops.postgres.databases import Connection
from migrationops.postgres.properties import create_database
from migrationops.progress import Progress, ProgressCallback, Stage, State, silent

_HISTORY = "public.migrationops_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A restored database, how many rows were compared, and what is not in it."""

    database: Derived
    rows: int
    skipped: tuple[str, ...] = ()


def build(
    engine: Engine,
    source: Source,
    manifest: Manifest,
    archive: Path,
    *,
    role: Role,
    run: str,
    accept_missing: bool = False,
    report: ProgressCallback = silent,
) -> Built:
    """Restore into a new database, verify it, and give it this role.

    The caller has just compared the archive's hashes. Whatever ends this early drops
    the database. Raises BackupError when it does not hold what its manifest says.
    """
    target = derived.new_derived(
        source.database, role=Role.BUILDING, run=run, backup=manifest.id
    )
    with derived.claimed(source, target.name) as connection:
        try:
            owners = role is not Role.SCRATCH or _keeps_owners(source, connection)
            _create(connection, target, manifest, owners=owners)
            task = RestoreTask(
                source=source,
                manifest=manifest,
                archive=archive,
                dbname=target.name,
                owners=owners,
                accept_missing=accept_missing,
            )
            skipped = _fill(engine, task, report)
            rows = check_restored(source, manifest, target.name)
            derived.describe(connection, target.become(role))
        except BaseException:
            beside.drop(connection, target.name)
            raise
    return Built(database=target.become(role), rows=rows, skipped=skipped)


def _fill(
    engine: Engine, task: RestoreTask, report: ProgressCallback
) -> tuple[str, ...]:
    event = Progress(
        stage=Stage.RESTORE,
        state=State.ADVANCED,
        label="restore",
        total=task.manifest.database_bytes,
        unit="bytes",
    )
    with task.source.maintenance() as watch:
        measure = partial(growth.database_size, watch, task.dbname)
        with growth.told(measure, event, report):
            return engine.restore(task)


def may_create(connection: Connection) -> bool:
    """Return whether this role may create databases."""
    row = connection.execute(
        "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    return bool(row and row[0])


def _keeps_owners(source: Source, connection: Connection) -> bool:
    """Whether a proof can give everything to its owner: not on another server."""
    return not source.is_proof_server and is_superuser(connection)


def check_restored(
    source: Source, manifest: Manifest, dbname: str, *, history: bool = True
) -> int:
    """Compare rows, sequences and indexes; return the number of rows compared.

    `history` is False when the live one's history may have been carried over.
    """
    with source.connect(dbname) as connection:
        relations = contents.read_relations(connection)
        hashed = any(t.hash for t in manifest.tables)
        found = contents.count_tables(connection, relations, hashed=hashed)
        problems = [
            *_differing_rows(manifest, found, "" if history else _HISTORY),
            *_lagging_sequences(manifest, contents.read_sequences(connection)),
            *_invalid_indexes(manifest, connection),
        ]
        if not manifest.has_statistics:
            connection.execute("ANALYZE")
    if problems:
        raise BackupError(
            f"The restored database differs from its manifest: "
            f"{'; '.join(problems[:10])}. The live database was not touched.",
            remedy="Use another backup: manage.py backups list",
        )
    return sum(t.rows for t in found)


def _create(
    connection: Connection, target: Derived, manifest: Manifest, *, owners: bool
) -> None:
    """Create it empty; until the live one's grants are applied, nobody looks in."""
    create_database(connection, target.name, manifest.properties, owner=owners)
    derived.describe(connection, target)
    query = sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC")
    connection.execute(query.format(target.identifier))


def _differing_rows(
    manifest: Manifest, found: tuple[contents.Table, ...], ignored: str
) -> list[str]:
    expected = {t.qualified_name: t for t in manifest.tables}
    counted = {t.qualified_name: t for t in found}
    return [
        problem
        for name in sorted(expected.keys() | counted.keys())
        if (problem := _difference(name, expected.get(name), counted.get(name)))
        and not (ignored and name.startswith(ignored))
    ]


def _difference(
    name: str, expected: contents.Table | None, found: contents.Table | None
) -> str:
    rows, wanted = found.rows if found else "no", expected.rows if expected else 0
    if rows != wanted:
        return f"{name} has {rows} rows instead of {wanted}"
    if expected and found and expected.hash != found.hash:
        return f"{name} has as many rows, and others"
    return ""


def _lagging_sequences(
    manifest: Manifest, found: tuple[contents.Sequence, ...]
) -> list[str]:
    """Sequences know no snapshot: the dump's may be further than the manifest's."""
    restored = {(s.schema, s.name) for s in found}
    return [
        f"sequence {s.schema}.{s.name} is absent"
        for s in manifest.sequences
        if (s.schema, s.name) not in restored
    ]


def _invalid_indexes(manifest: Manifest, connection: Connection) -> list[str]:
    """Those that were so before come along in a copy, and are not the copy's fault."""
    found = introspection.invalid_indexes(connection)
    return [f"index {n} is invalid" for n in found if n not in manifest.invalid_indexes]
