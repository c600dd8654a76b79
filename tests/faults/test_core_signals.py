"""SIGINT and SIGTERM in the middle: a clean stop that says what stands."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from config.embedded import processes
from tests.outcome import last_run, refused, runner_at_work, unchanged, wait_for
from tests.programs import SlowPrograms, wait_for_file
from tests.shop import ADD_PRICE, Shop, program_directory

pytestmark = pytest.mark.postgres_tools

CODES = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
SLEEPING = (
    "SELECT count(*) > 0 FROM pg_stat_activity "
    "WHERE datname = current_database() AND query ~ 'pg_slee[p]'"
)
SLEEP = 'migrations.RunSQL("SELECT pg_sleep(60)")'


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop at its first migration, with a second one pending."""
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    return opened_shop


@pytest.fixture
def programs(tmp_path: Path) -> SlowPrograms:
    return SlowPrograms.make(tmp_path / "bin", program_directory())


def stop(
    process: subprocess.Popen[str], signum: signal.Signals
) -> subprocess.CompletedProcess[str]:
    """Send a signal as a terminal (Ctrl-C: to the whole group) or a host does."""
    if signum is signal.SIGINT:
        os.killpg(process.pid, signum)
    else:
        process.send_signal(signum)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.parametrize(("signum", "code"), CODES)
def test_during_the_backup(
    ready: Shop, programs: SlowPrograms, signum: signal.Signals, code: int
) -> None:
    with unchanged(ready):
        process = ready.start("safe_migrate", PG_BIN=[str(programs.directory)])
        dump = int(wait_for_file(programs.started))

        done = stop(process, signum)

    refused(done, code, "Stopped by a signal", "in this run: none", next_="Run the")
    assert last_run(ready) == ("stopped", code)
    assert list((ready.directory / "backups").iterdir()) == []
    assert not processes.alive(dump)
    programs.go_on()
    ready.succeed("safe_migrate", PG_BIN=[str(programs.directory)])
    assert "price" in ready.columns()


@pytest.mark.parametrize(
    ("signum", "code", "atomic"),
    [
        (signal.SIGINT, 130, True),
        (signal.SIGTERM, 143, False),
        pytest.param(signal.SIGINT, 130, False, marks=pytest.mark.faults),
        pytest.param(signal.SIGTERM, 143, True, marks=pytest.mark.faults),
    ],
)
def test_during_the_apply(
    ready: Shop, signum: signal.Signals, code: int, atomic: bool
) -> None:
    ready.ops["POLICY"] = {"backup": "none"}
    ready.add("0003_expand_slow", SLEEP, after="0002_expand_price", atomic=atomic)
    process = ready.start("safe_migrate")
    wait_for(ready, SLEEPING)

    done = stop(process, signum)

    refused(done, code, "Stopped by a signal", "in this run: shop.0002_expand_price.")
    assert ready.applied() == ["0001_expand_item", "0002_expand_price"]
    assert last_run(ready) == ("stopped", code)
    assert ready.query(SLEEPING) == [(False,)]
    ready.add("0003_expand_slow", after="0002_expand_price")
    ready.succeed("safe_migrate")
    assert ready.applied()[-1] == "0003_expand_slow"


def test_while_waiting_for_another_runner(ready: Shop) -> None:
    with unchanged(ready), runner_at_work(ready):
        process = ready.start("safe_migrate", "--wait", "600")
        assert process.stderr is not None
        assert "waiting up to 600 s" in process.stderr.readline()

        done = stop(process, signal.SIGTERM)

    refused(done, 143, "Stopped by a signal; nothing was changed")
