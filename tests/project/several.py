"""Run several commands in one process, each as if it were alone.

Reads a JSON list of argument lists; writes a JSON list of [code, stdout, stderr].
"""

from __future__ import annotations

import io
import json
import sys
from contextlib import redirect_stderr, redirect_stdout

from django.core.management import execute_from_command_line


def run(arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            execute_from_command_line(["manage.py", *arguments])
        except SystemExit as exc:
            code = exc.code
    return int(str(code or 0)), out.getvalue(), err.getvalue()


if __name__ == "__main__":
    json.dump([run(arguments) for arguments in json.load(sys.stdin)], sys.stdout)
