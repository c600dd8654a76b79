"""One measured piece of work in a process of its own; prints seconds and memory."""

from __future__ import annotations

import json
import resource
import sys
import time
import uuid

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402

from migrationops.backups.derived import Role  # noqa: E402
from migrationops.backups.losses import Accepted  # noqa: E402
from migrationops.backups.source import open_source  # noqa: E402
from migrationops.backups.take import take_backup  # noqa: E402
from migrationops.conf import Proof, get_conf  # noqa: E402
from migrationops.progress import silent  # noqa: E402
from migrationops.workflows.preparation import (  # noqa: E402
    install_own_tables,
    locked,
)
from migrationops.workflows.restore import Request, restore_backup  # noqa: E402


def prepare(_: str) -> dict[str, float]:
    """Stamp the empty database: without it a restore is refused."""
    conf = get_conf()
    with locked("default", conf, "benchmark", wait=0) as lock:
        install_own_tables("default", conf, lock, silent)
    return {}


def backup(level: str, keep: Role | None = None) -> dict[str, float]:
    manifest = take_backup(
        alias="default",
        conf=get_conf(),
        run_id=uuid.uuid4().hex,
        proof=Proof[level.upper()],
        report=silent,
        keep=keep,
    )
    return {"proof": manifest.proof.seconds}


def ready(_: str) -> dict[str, float]:
    return backup("restored", Role.READY)


def dbbackup(_: str) -> dict[str, float]:
    call_command("dbbackup", interactive=False, verbosity=0)
    return {}


def restore(way: str) -> dict[str, float]:
    request = Request(
        alias="default", accepted=Accepted(rows=None), from_ready_copy=way == "ready"
    )
    return {"outage": restore_backup(request, silent).outage}


def warm_up() -> None:
    """Do what a run has done before it comes to its backup."""
    open_source("default", get_conf())
    MigrationLoader(None, load=False).load_disk()


def main(work: str, argument: str) -> None:
    warm_up()
    started = time.monotonic()
    found = globals()[work](argument)
    print(
        json.dumps(
            {
                "seconds": time.monotonic() - started,
                **found,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


main(sys.argv[1], sys.argv[2])
