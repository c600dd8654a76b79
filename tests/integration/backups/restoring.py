"""A backup of a sandbox taken and put back, and what then lies beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrationops.backups import derived
from migrationops.backups.derived import Role
from migrationops.conf import Proof
from migrationops.progress import silent
from migrationops.workflows.backup import Request as BackupRequest
from migrationops.workflows.backup import backup
from migrationops.workflows.confirmation import Ask
from migrationops.workflows.restore import Request, restore_backup
from migrationops.workflows.restored import Report
from tests.roles import AS_OWNER

if TYPE_CHECKING:
    from migrationops.backups.manifest import Manifest
    from tests.sandbox import Sandbox


def take(box: Sandbox) -> Manifest:
    return backup(BackupRequest(alias=box.alias, proof=Proof.COUNTED), silent).backup


def put_back(box: Sandbox, ask: Ask | None = None, **values: Any) -> Report:
    request = Request(alias=box.alias, accept_missing=bool(AS_OWNER), **values)
    return restore_backup(request, silent, ask)


def beside(box: Sandbox) -> dict[str, Role]:
    with box.connect("postgres") as connection:
        found = derived.find_derived(connection, box.name)
    return {d.name: d.role for d in found}
