"""What expiry spares because a run may still want it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrationops.backups.retention import Retention
from migrationops.models import Run
from migrationops.progress import silent
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.expire_backups import Request, expire_backups

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools
STRICT = Retention(last=1, days=0, daily=0, weekly=0, monthly=0)


def take(box: Sandbox) -> Manifest:
    return backup(BackupRequest(alias=box.alias), silent).backup


def end(box: Sandbox, manifest: Manifest, state: Run.State, reused: Manifest) -> None:
    """Let the run that took a backup have ended so, with an earlier one's."""
    Run.objects.using(box.alias).filter(id=manifest.run).update(
        state=state, backup=reused.to_json()
    )


def test_a_stopped_run_keeps_its_own_backup_and_the_one_it_reused(
    stamped: Sandbox,
) -> None:
    reused, own, unneeded, newest = (take(stamped) for _ in range(4))
    end(stamped, own, Run.State.STOPPED, reused)
    request = Request(alias=stamped.alias, retention=STRICT, apply=True)
    expired = expire_backups(request).expiry.expired
    assert expired == (unneeded.id,)
    left = {path.stem for path in stamped.directory.glob("*.json")}
    assert left == {reused.id, own.id, newest.id}
    end(stamped, own, Run.State.RESOLVED, reused)
    assert expire_backups(request).expiry.expired == (reused.id, own.id)
