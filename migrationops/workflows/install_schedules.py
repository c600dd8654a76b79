"""Have django-q2 verify and expire backups every day."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import connections, router, transaction

from migrationops import stamp
from migrationops.conf import get_conf
from migrationops.exceptions import ConfigurationError
from migrationops.postgres import locks

if TYPE_CHECKING:
    from django_q.models import Schedule

_LOCK = locks.key("install_schedules")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A task that runs once a day, at this hour (UTC)."""

    name: str
    function: str
    hour: int


JOBS = (
    Job(name="verify-backups", function="migrationops.tasks.verify_backups", hour=3),
    Job(name="expire-backups", function="migrationops.tasks.expire", hour=5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The schedules' names, and those among them that were missing."""

    schedules: tuple[str, ...]
    created: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"version": 1, **asdict(self)}


def install_schedules(*, alias: str) -> Report:
    """Create the schedules of this alias that are missing; change none that is there.

    Names are not unique in django-q2, so this waits for others who install. Raises
    ConfigurationError where django-q2 is absent, or would run a task twice, and
    StampError where the alias is another environment's database.
    """
    if not apps.is_installed("django_q"):
        raise ConfigurationError(
            "Schedules need django-q2, which is not installed; nothing was changed.",
            remedy='pip install django-q2, and add "django_q" to INSTALLED_APPS. Or '
            "have cron run manage.py backups verify, and manage.py backups expire "
            "--apply.",
        )
    from django_q.models import Schedule

    _check_cluster()
    stamp.require_environment(alias, get_conf())
    database = router.db_for_write(Schedule)
    with transaction.atomic(using=database):
        with connections[database].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        created = [job for job in JOBS if _install(Schedule, database, job, alias)]
    return Report(
        schedules=tuple(_name(job, alias) for job in JOBS),
        created=tuple(_name(job, alias) for job in created),
    )


def _check_cluster() -> None:
    """A task that is handed out again while it runs would run twice."""
    from django_q.conf import Conf

    wrong = [
        *(["retry must exceed timeout"] if _may_repeat(Conf) else []),
        *(["catch_up must be False"] if Conf.CATCH_UP else []),
        *([] if Conf.ACK_FAILURES else ["ack_failures must be True"]),
    ]
    if wrong:
        raise ConfigurationError(
            f"settings.Q_CLUSTER: {'; '.join(wrong)}. Nothing was changed.",
            remedy="A verification may take long: set timeout to hours, not seconds.",
        )


def _may_repeat(cluster: Any) -> bool:
    return not cluster.TIMEOUT or cluster.RETRY <= cluster.TIMEOUT


def _install(model: type[Schedule], database: str, job: Job, alias: str) -> bool:
    schedules = model._default_manager.using(database)
    name = _name(job, alias)
    if schedules.filter(name=name).exists():
        return False
    tomorrow = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    schedules.create(
        name=name,
        func=job.function,
        args=repr((alias,)),
        schedule_type=model.DAILY,
        next_run=tomorrow.replace(hour=job.hour) + timedelta(days=1),
    )
    return True


def _name(job: Job, alias: str) -> str:
    return f"migrationops-{job.name}-{alias}"
