"""What stands in the way of a swap is named before anything is built."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from migrationops.backups import derived, obstacles
from migrationops.backups.source import open_source
from migrationops.conf import get_conf
from migrationops.exceptions import PreconditionError
from migrationops.progress import silent
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.restore import Request, restore_backup
from tests.roles import needs_superuser, role

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools


def refused(box: Sandbox, match: str) -> PreconditionError:
    """See that a restore is refused for this, and that nothing was built."""
    with pytest.raises(PreconditionError, match=match) as caught:
        restore_backup(Request(alias=box.alias), silent)
    with box.connect("postgres") as connection:
        assert derived.find_derived(connection, box.name) == ()
    return caught.value


@needs_superuser("makes a subscription")
def test_a_subscription_would_go_on_writing_to_the_old_one(stamped: Sandbox) -> None:
    backup(BackupRequest(alias=stamped.alias), silent)
    stamped.sql(
        "CREATE SUBSCRIPTION theirs CONNECTION 'dbname=none' PUBLICATION p "
        "WITH (connect = false, slot_name = NONE)"
    )
    try:
        error = refused(stamped, "Subscription 'theirs' writes to the live database")
        assert 'DROP SUBSCRIPTION "theirs" first' in error.remedy
    finally:
        stamped.sql("DROP SUBSCRIPTION theirs")


@needs_superuser("has a session that others may not end")
def test_a_session_that_this_role_may_not_end_is_named(
    stamped: Sandbox, settings: Any
) -> None:
    """Ended in the swap it could not be; all sessions at once, the call fails."""
    with role(stamped.params, "CREATEDB") as name, stamped.connect() as theirs:
        url = psycopg.conninfo.make_conninfo("", **{**stamped.params, "user": name})
        settings.MIGRATIONOPS = {**settings.MIGRATIONOPS, "OPERATOR_URL": url}
        source = open_source(stamped.alias, get_conf())
        with source.maintenance() as connection:
            with pytest.raises(PreconditionError, match="is not this role's") as caught:
                obstacles.check_swap(
                    connection, source, drop_slots=False, accept_stale_replicas=False
                )
            with pytest.raises(psycopg.errors.InsufficientPrivilege):  # the betrayal
                connection.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = %s",
                    [stamped.name],
                )
        assert f"pid {theirs.info.backend_pid} " in str(caught.value)
