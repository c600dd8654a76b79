"""How a paused standby becomes the cluster: the commands, for a person.

Promoted as it is, it would first replay all that it has received meanwhile, and so
the very migration; a restart without a target does the same.
"""

from __future__ import annotations

import shlex

from migrationops.backups.pause import Pause
from migrationops.backups.source import Source
from migrationops.postgres.databases import Connection
from migrationops.standby import Standby

_TEXT = """\
Standby {pause.where}, paused at {pause.lsn} of timeline {pause.timeline}.

This takes the WHOLE CLUSTER back, not one database: {databases}.
Whatever was written to any of them after the pause is not on the standby.

Never promote it as it is: pg_promote() alone, or a restart without the target below,
first replays what it has received since, the migration included.

On the standby's host; lines that begin with four spaces are commands.

1. Stop the application, and the primary, so that nobody writes to it any more.

2. Tell the standby where to stop, restart it, and let it become a primary:

    {psql} -c "ALTER SYSTEM SET recovery_target_lsn = '{pause.lsn}'" \
-c "ALTER SYSTEM SET recovery_target_inclusive = off" \
-c "ALTER SYSTEM SET recovery_target_action = 'promote'"
    {restart}
    {psql} -c "SELECT CASE WHEN pg_is_in_recovery() THEN pg_promote(false) END"

3. When "SELECT pg_is_in_recovery()" says f, take the target away again:

    {psql} -c "ALTER SYSTEM RESET recovery_target_lsn" \
-c "ALTER SYSTEM RESET recovery_target_inclusive" \
-c "ALTER SYSTEM RESET recovery_target_action"

4. Point the application at it: manage.py migration_status, and make a new backup. The
   old primary is of another timeline: make it a standby anew, or remove it.
"""


def instructions(
    source: Source, standby: Connection, pause: Pause, own: Standby
) -> str:
    """Return the commands, with this standby's own names in them.

    They stand beside the manifest, to be read when no database can be asked.
    """
    return _TEXT.format(
        pause=pause,
        databases=", ".join(pause.databases),
        psql=f"psql {shlex.quote(pause.where)}",
        restart=own.restart or _restart(source, standby),
    )


def _restart(source: Source, standby: Connection) -> str:
    row = standby.execute(
        "SELECT setting FROM pg_settings WHERE name = 'data_directory'"
    ).fetchone()
    data = row[0] if row and row[0] else "DATA_DIRECTORY"
    name = source.server_program("pg_ctl") or "pg_ctl"
    return shlex.join([name, "-D", data, "-w", "restart"])
