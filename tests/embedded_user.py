"""A program that uses a checkout's test server: python embedded_user.py MAJOR.

It connects, says so, then evaluates one expression a line and ends with its
standard input. Run in the checkout whose `config` it is to use.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path.cwd()))

import django
from django.conf import settings
from django.db import connection

from config import embedded

settings.configure(
    DATABASES={"default": embedded.database("test", major=int(sys.argv[1]))}
)
django.setup()


def ask(statement):
    """Run a statement; return the first value, if it has any."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()[0] if cursor.description else None


def fork(*, connects):
    """Fork a child that lives until it is killed; return its pid."""
    ready, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.read(ready, 1)
        return pid
    # The connection itself is the parent's.
    connection.connection = None
    if connects:
        ask("SELECT 1")
    os.write(tell, b".")
    return signal.pause()


def say(value):
    """Answer in one line."""
    sys.stdout.write(f"{value}\n")
    sys.stdout.flush()


say(ask("SELECT current_database()"))
for line in sys.stdin:
    say(eval(line))
