"""A dump by several workers at once, into a directory of files.

It cannot be hashed or decoded on its way: both are done afterwards.
"""

from __future__ import annotations

from migrationops.backups import growth
from migrationops.backups.dumping import (
    Dump,
    counting,
    dump_arguments,
    dump_progress,
    noticing_queue,
    probe_compression,
)
from migrationops.backups.engine import Job
from migrationops.backups.manifest import File
from migrationops.backups.snapshot import Snapshot
from migrationops.backups.tree import PendingTree
from migrationops.backups.verify import hash_file
from migrationops.exceptions import PreconditionError
from migrationops.postgres import tools
from migrationops.postgres.databases import Connection

_FROM = 10_000_000_000  # bytes of the database: below, one worker is no slower
_JOBS = 2
_FREE = """
SELECT current_setting('max_connections')::int
       - current_setting('superuser_reserved_connections')::int
       - count(*)::int
FROM pg_stat_activity WHERE backend_type = 'client backend'
"""


def jobs_for(database_bytes: int) -> int:
    """Return how many workers dump a database of this size."""
    return _JOBS if database_bytes >= _FROM else 1


def check_jobs(connection: Connection, jobs: int) -> None:
    """Raise PreconditionError where so many workers would shut others out."""
    row = connection.execute(_FREE).fetchone()
    assert row is not None
    if jobs > max(row[0] // 2, 1):
        raise PreconditionError(
            f"{jobs} workers need as many connections, and the server has "
            f"{max(row[0], 0)} left for everybody; nothing was changed.",
            remedy=f"At most half of them: --jobs {max(row[0] // 2, 1)}",
        )


def write_tree(job: Job, tree: PendingTree, snapshot: Snapshot) -> Dump:
    """Dump under the snapshot, and hash what was flushed."""
    source = job.source
    compression = probe_compression(source.programs)
    event = dump_progress(0, job.expected_bytes)
    with (
        noticing_queue(),
        counting(snapshot, hashed=job.hashed) as counts,
        growth.told(tree.size, event, job.report),
    ):
        tools.run(
            source.programs,
            "pg_dump",
            "--format=directory",
            f"--jobs={job.jobs}",
            f"--file={tree.path}",
            *dump_arguments(source, snapshot, compression),
            environment=source.environment(),
        )
        tables = counts.result()
    tree.flush()
    files = tuple(
        File(
            name=f"{tree.final.name}/{path.name}",
            size=path.stat().st_size,
            sha256=hash_file(path),
        )
        for path in tree.files()
    )
    return Dump(compression=compression, files=files, tables=tables)
