"""Client programs: supervised, ended, and told their secrets in private."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from migrationops.exceptions import ToolFailedError
from migrationops.postgres import tools
from migrationops.postgres.tools import Programs


@pytest.fixture
def programs(tmp_path: Path) -> Programs:
    """Return a directory with a program that does what a test wants."""
    script = tmp_path / "program"
    script.write_text(f"#!{sys.executable}\nimport sys\nexec(sys.argv[1])\n")
    script.chmod(0o755)
    return Programs(directory=tmp_path, version="18.4")


def run(programs: Programs, code: str, timeout: float | None = None) -> str:
    return tools.run(
        programs, "program", code, environment=tools.environment({}), timeout=timeout
    )


def test_output_is_returned_and_a_failure_names_the_last_words(
    programs: Programs,
) -> None:
    assert run(programs, "print('x' * 3_000_000, end='')") == "x" * 3_000_000
    with pytest.raises(ToolFailedError, match=r"program ended with 3: .*no disk"):
        run(programs, "print('pg_dump: error: no disk', file=sys.stderr); sys.exit(3)")


def test_a_program_that_hangs_is_ended(programs: Programs) -> None:
    with pytest.raises(ToolFailedError, match="ended after"):
        run(programs, "import time; time.sleep(600)", timeout=0.3)


def test_one_that_ignores_sigterm_is_killed(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "_GRACE", 0.2)
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
        "print('ready', flush=True); time.sleep(600)"
    )
    with pytest.raises(KeyboardInterrupt):
        _interrupt(programs, code)


def _interrupt(programs: Programs, code: str) -> None:
    environment = tools.environment({})
    with tools.stream(programs, "program", code, environment=environment) as child:
        assert child.stdout.readline() == b"ready\n"
        raise KeyboardInterrupt


@contextmanager
def interrupted(function: Callable[..., object]) -> Iterator[None]:
    """Raise KeyboardInterrupt at the end of a function, as a signal may."""
    before = sys.gettrace()

    def trace(frame: FrameType, event: str, _arg: object) -> Any:
        if frame.f_code is not function.__code__:  # type: ignore[attr-defined]
            return None
        if event == "return":
            sys.settrace(before)
            raise KeyboardInterrupt
        return trace

    sys.settrace(trace)
    try:
        yield
    finally:
        sys.settrace(before)


def test_a_signal_as_the_deadline_begins_leaves_nobody_waiting_for_it(
    programs: Programs,
) -> None:
    """The process would not end before the deadline: ten minutes later."""
    with pytest.raises(KeyboardInterrupt), interrupted(threading.Thread.start):
        run(programs, "import time; time.sleep(600)", timeout=600)
    timers = [t for t in threading.enumerate() if isinstance(t, threading.Timer)]
    assert all(t.daemon and t.finished.is_set() for t in timers)


def test_secrets_are_in_the_environment_only() -> None:
    environment = tools.environment(
        {"host": "h", "password": "s3cret", "keepalives_idle": 1, "dbname": "d"}
    )
    assert environment["PGPASSWORD"] == "s3cret"
    assert environment["PGDATABASE"] == "d"
    assert {k for k in environment if k.startswith("PG")} == {
        "PGHOST",
        "PGPASSWORD",
        "PGDATABASE",
    }


def test_inherited_pg_variables_do_not_reach_a_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c work_mem=1GB")
    assert "PGOPTIONS" not in tools.environment({})


@pytest.mark.skipif(sys.platform != "linux", reason="PR_SET_PDEATHSIG is Linux's")
def test_a_program_dies_with_its_parent(programs: Programs) -> None:
    code = f"""
import sys
from pathlib import Path
from migrationops.postgres import tools
programs = tools.Programs(directory=Path({str(programs.directory)!r}), version="18.4")
code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
env = tools.environment({{}})
with tools.stream(programs, "program", code, environment=env) as child:
    print(child.stdout.readline().decode(), flush=True)
    next(child.chunks())
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert _dies(pid)


def _dies(pid: int) -> bool:
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False
