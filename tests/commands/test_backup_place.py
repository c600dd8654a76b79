"""A place for backups that cannot take one: refused or failed, and nothing changed."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tests.checkout import PACKAGES, interpreter
from tests.outcome import last_run, refused, unchanged
from tests.shop import ADD_PRICE, ROOT, Shop

pytestmark = pytest.mark.postgres_tools

NOBODY = 65534
ENOUGH_FOR_A_JOURNAL = 32_000  # bytes


@pytest.fixture
def ready(opened_shop: Shop) -> Shop:
    """Return a shop with a migration pending and rows that do not compress."""
    opened_shop.add("0002_expand_price", ADD_PRICE, after="0001_expand_item")
    fill(opened_shop, 5_000)
    return opened_shop


def fill(shop: Shop, rows: int) -> None:
    shop.execute(
        "INSERT INTO shop_item (name) "
        f"SELECT md5(random()::text) FROM generate_series(1, {rows})"
    )


@contextmanager
def mounted(directory: Path, size: str) -> Iterator[Path]:
    """Mount a small file system in memory, or skip the test."""
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mount is not allowed here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", str(directory)], check=True)


def files(directory: Path) -> list[str]:
    return sorted(p.name for p in directory.iterdir())


@pytest.mark.own_server
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become nobody")
@pytest.mark.skipif(interpreter(NOBODY) is None, reason="no Python for nobody")
def test_a_directory_of_somebody_else(tcp_shop: Shop) -> None:
    tcp_shop = replace(tcp_shop, python=str(interpreter(NOBODY)))
    tcp_shop.variables["PYTHONPATH"] = f"{ROOT}:{tcp_shop.directory}:{PACKAGES}"
    tcp_shop.popen.update(user=NOBODY, group=NOBODY, extra_groups=[])
    nobodys = tcp_shop.directory / "state"
    nobodys.mkdir()
    os.chown(nobodys, NOBODY, NOBODY)
    others = tcp_shop.directory / "backups"
    others.mkdir(mode=0o700)

    done = tcp_shop.run("safe_migrate")

    refused(done, 3, f"{others} cannot be written", "othing was changed", next_="Make")
    assert tcp_shop.applied() == []
    assert last_run(tcp_shop) == ("refused", 3)


def test_a_full_disk(ready: Shop) -> None:
    ready.popen["preexec_fn"] = _limit_files

    with unchanged(ready):
        done = ready.run("safe_migrate")

    refused(done, 1, ".partial cannot be written: File too large", "No backup was made")
    assert files(ready.directory / "backups") == []
    assert last_run(ready) == ("failed", 1)
    del ready.popen["preexec_fn"]
    ready.succeed("safe_migrate")
    assert len(files(ready.directory / "backups")) == 2


@pytest.mark.faults
def test_a_full_tmpfs(ready: Shop, tmp_path: Path) -> None:
    """The backup before it was small: this one is expected to fit."""
    with mounted(tmp_path / "mounted", "1200k") as backups:
        ready.succeed("backup", BACKUP_DIR=str(backups))
        before = files(backups)
        fill(ready, 100_000)
        with unchanged(ready):
            done = ready.run(
                "safe_migrate", BACKUP_DIR=str(backups), POLICY={"max_backup_age": 0}
            )
        left = files(backups)

    refused(done, 1, "cannot be written: No space left on device", next_="See to space")
    assert left == before


@pytest.mark.faults
def test_a_dump_that_will_not_fit_is_not_begun(ready: Shop, tmp_path: Path) -> None:
    fill(ready, 100_000)

    with mounted(tmp_path / "mounted", "512k") as backups:
        done = ready.run("backup", BACKUP_DIR=str(backups))
        left = files(backups)

    refused(done, 3, f"in {backups}, and 0.5 MB are free", next_="Make room")
    assert "The dump needs about 2." in done.stderr
    assert left == []


@pytest.mark.faults
def test_a_disk_that_is_nearly_full_already(ready: Shop, tmp_path: Path) -> None:
    with mounted(tmp_path / "mounted", "64k") as backups, unchanged(ready):
        done = ready.run("safe_migrate", BACKUP_DIR=str(backups))

    refused(
        done, 3, f"{backups} has 0 MB left", "othing was changed", next_="Make room"
    )


def test_a_journal_file_that_cannot_grow_fails_nothing(ready: Shop) -> None:
    ready.popen["preexec_fn"] = _limit_files_to_a_line
    # A compiled module would be cut off too, and Python would not notice.
    ready.variables["PYTHONDONTWRITEBYTECODE"] = "1"

    done = ready.run("safe_migrate", POLICY={"backup": "none"})

    assert done.returncode == 0, done.stderr
    assert "the history in the database is whole" in done.stderr
    assert last_run(ready) == ("done", 0)
    assert "price" in ready.columns()


def test_a_backup_directory_that_is_not_mounted(shop: Shop, tmp_path: Path) -> None:
    done = shop.run(
        "safe_migrate",
        ENVIRONMENT="staging",
        SIGNING_KEYS=["0" * 64],
        BACKUP_DIR=str(tmp_path / "volume"),
        BACKUP_DIR_OUTLIVES_HOST=True,
    )

    refused(done, 3, f"{tmp_path}/volume does not exist", next_="Mount or make it")
    assert not (tmp_path / "volume").exists()
    assert shop.applied() == []


def _limit_files() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (ENOUGH_FOR_A_JOURNAL,) * 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def _limit_files_to_a_line() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (200,) * 2)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
