"""How a cluster is taken back to a restore point: the commands, for a person."""

from __future__ import annotations

import shlex

from migrationops.backups.point import RestorePoint
from migrationops.backups.repository import Repository, target
from migrationops.backups.source import Source

_TEXT = """\
Restore point {point.name}, at {point.lsn} of timeline {point.timeline}.

This takes the WHOLE CLUSTER back, not one database: {databases}.
Whatever was written to any of them after the point is gone from it.

On the server's host; lines that begin with four spaces are commands.

1. Look at it beside first, if there is room (another directory, and port):

   {beside}

2. Stop the application, then the cluster:

    {stop}

3. Restore, and start; it recovers up to the point:

    {restore}
    {start}

4. When "SELECT pg_is_in_recovery()" says f: manage.py migration_status, start the
   application, and make a new backup: {backup}
"""


def instructions(source: Source, repository: Repository, point: RestorePoint) -> str:
    """Return the commands, with this cluster's own names in them.

    They stand beside the manifest, to be read when no database can be asked.
    """
    elsewhere = ["--pg1-path=DIRECTORY", "--archive-mode=off"]
    return _TEXT.format(
        point=point,
        databases=", ".join(point.databases),
        beside=repository.command(*elsewhere, *target(point, "pause"), "restore"),
        stop=repository.stanza.stop or _control(source, repository, "stop"),
        restore=repository.command("--delta", *target(point, "promote"), "restore"),
        start=repository.stanza.start or _control(source, repository, "start"),
        backup=repository.command("--type=full", "backup"),
    )


def _control(source: Source, repository: Repository, action: str) -> str:
    with source.connect() as connection:
        row = connection.execute(
            "SELECT setting FROM pg_settings WHERE name = 'data_directory'"
        ).fetchone()
    data = row[0] if row and row[0] else "DATA_DIRECTORY"
    name = source.server_program("pg_ctl") or "pg_ctl"
    return shlex.join([*repository.stanza.prefix, name, "-D", data, "-w", action])
