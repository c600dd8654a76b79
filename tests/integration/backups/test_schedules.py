"""Schedules: installed once, however many install them, and their tasks run."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.utils.module_loading import import_string
from django_q.conf import Conf
from django_q.models import Schedule

from migrationops import tasks
from migrationops.exceptions import ConfigurationError, DiffersError, StampError
from migrationops.progress import silent
from migrationops.workflows.backup import Request, backup
from migrationops.workflows.install_schedules import (
    JOBS,
    Report,
    install_schedules,
)

if TYPE_CHECKING:
    import pytest_django.fixtures

    from tests.sandbox import Sandbox


@pytest.mark.django_db(transaction=True)
def test_four_at_once_install_each_schedule_once() -> None:
    barrier = threading.Barrier(4)

    def install(_: int) -> Report:
        barrier.wait()
        try:
            return install_schedules(alias="default")
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(install, range(4)))

    assert sum(len(r.created) for r in reports) == len(JOBS)
    schedules = Schedule.objects.filter(name__startswith="migrationops-")
    assert sorted(s.name for s in schedules) == sorted(reports[0].schedules)
    for schedule in schedules:
        assert callable(import_string(schedule.func))
        assert schedule.args == "('default',)"
        assert schedule.schedule_type == Schedule.DAILY


def test_a_cluster_that_would_run_a_task_twice_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Conf, "RETRY", Conf.TIMEOUT)
    with pytest.raises(ConfigurationError, match="retry must exceed timeout"):
        install_schedules(alias="default")


def test_without_django_q_the_way_on_is_named(
    settings: pytest_django.fixtures.SettingsWrapper,
) -> None:
    settings.INSTALLED_APPS = [a for a in settings.INSTALLED_APPS if a != "django_q"]
    with pytest.raises(ConfigurationError, match="need django-q2"):
        install_schedules(alias="default")


@pytest.mark.django_db
def test_a_database_of_another_environment_gets_none(stamped: Sandbox) -> None:
    stamped.sql("UPDATE migrationops_stamp SET environment = 'production'")
    with pytest.raises(StampError, match="is stamped production"):
        install_schedules(alias=stamped.alias)
    assert not Schedule.objects.filter(name__endswith=stamped.alias).exists()


@pytest.mark.postgres_tools
def test_the_tasks_verify_and_expire(stamped: Sandbox) -> None:
    backup(Request(alias=stamped.alias), silent)
    assert tasks.verify_backups(stamped.alias) == 1
    assert tasks.expire(stamped.alias) == []
    (dump,) = stamped.directory.glob("*.dump")
    dump.write_bytes(dump.read_bytes()[:-1])
    with pytest.raises(DiffersError, match="it is damaged"):
        tasks.verify_backups(stamped.alias)
