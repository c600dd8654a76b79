"""What django-q2 runs for the application, and how it is scheduled."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from django.db import connections, router, transaction
from django_q.models import Schedule

from chores.tasks.generator import generate
from chores.tasks.pulse import JOB, pulse
from chores.tasks.sweep import sweep

# The key of the advisory lock under which schedules are installed.
LOCK = 0x63686F726573


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task that runs every so many minutes."""

    name: str
    function: str
    minutes: int
    args: str = ""


JOBS = (
    Job(name="chores-generate", function="chores.tasks.jobs.run_generator", minutes=15),
    Job(name="chores-sweep", function="chores.tasks.jobs.run_sweep", minutes=60),
    Job(name="chores-pulse", function=JOB, minutes=15),
    Job(
        name="chores-messages",
        function="chores.tasks.messages.send_due_messages",
        minutes=30,
    ),
    Job(
        name="chores-clear-sessions",
        function="django.core.management.call_command",
        minutes=24 * 60,
        args="('clearsessions',)",
    ),
)


def run_generator() -> int:
    """Make occurrences up to the horizon; return how many."""
    return generate().occurrences


def run_sweep() -> int:
    """Mark what was missed; return how many."""
    return sweep()


def run_pulse() -> dict[str, Any]:
    """Return the platform's figures, which django-q2 keeps for the front page."""
    return asdict(pulse())


def install() -> list[str]:
    """Create the schedules that are missing; return their names.

    The name is not unique in django-q2, so this waits for others who install.
    """
    created = []
    with transaction.atomic(using=router.db_for_write(Schedule)):
        with connections[router.db_for_write(Schedule)].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        for job in JOBS:
            if not Schedule.objects.filter(name=job.name).exists():
                Schedule.objects.create(
                    name=job.name,
                    func=job.function,
                    args=job.args or None,
                    schedule_type=Schedule.MINUTES,
                    minutes=job.minutes,
                )
                created.append(job.name)
    return created
