"""A process to be killed: takes or restores a backup, and says where it stands."""

from __future__ import annotations

import sys
import uuid

import django

django.setup()

from migrationops.backups.losses import Accepted  # noqa: E402
from migrationops.backups.part import Part  # noqa: E402
from migrationops.backups.take import take_backup  # noqa: E402
from migrationops.conf import Proof, get_conf  # noqa: E402
from migrationops.progress import Progress, State  # noqa: E402
from migrationops.workflows.backup import Request as BackupRequest  # noqa: E402
from migrationops.workflows.backup import backup  # noqa: E402
from migrationops.workflows.restore import Request, restore_backup  # noqa: E402


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def tell(event: Progress) -> None:
    if event.state is State.STARTED:
        say(event.label)


def main(command: str, proof: str, jobs: str) -> None:
    if command == "backup":
        level = Proof[proof.upper()]
        backup(BackupRequest(alias="default", proof=level, jobs=int(jobs)), tell)
    elif command == "part":
        say("backup")
        some = Part(tables=("public.shop_item",), bytes=0)
        take_backup(
            alias="default",
            conf=get_conf(),
            run_id=uuid.uuid4().hex,
            proof=Proof[proof.upper()],
            report=tell,
            part=some,
        )
    else:
        request = Request(
            alias="default",
            accepted=Accepted(rows=None),
            from_ready_copy=command == "swap in",
        )
        restore_backup(request, tell)
    say("ended")


main(*sys.argv[1:])
