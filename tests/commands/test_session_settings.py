"""What a run sets for its own sessions stays with them."""

from __future__ import annotations

import json
import subprocess
import sys

from tests.shop import BROKEN, Shop

# A migration that changes the session, called from a program that goes on afterwards.
SETS = "migrations.RunSQL(\"SET statement_timeout = '7s'; SET work_mem = '5MB'\")"
PROGRAM = """
import json, django
django.setup()
from django.core.management import CommandError, call_command
from django.db import connection
NAMES = ["lock_timeout", "statement_timeout", "work_mem", "application_name",
         "idle_in_transaction_session_timeout", "synchronous_commit"]

def settings():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", [NAMES])
        return dict(cursor.fetchall())

before = settings()
try:
    call_command("safe_migrate", verbosity=0)
except CommandError:
    pass
print(json.dumps([before, settings()]))
"""


def test_the_callers_session_is_as_it_was(opened_shop: Shop) -> None:
    opened_shop.ops["POLICY"] = {"backup": "none"}
    opened_shop.add("0002_sets", SETS, after="0001_expand_item", atomic=False)
    opened_shop.add("0003_broken", BROKEN, after="0002_sets")

    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env=opened_shop.environ(),
        cwd=opened_shop.directory,
        capture_output=True,
        text=True,
        check=True,
    )

    before, after = json.loads(done.stdout.splitlines()[-1])
    assert before == after
    assert opened_shop.applied()[-1] == "0002_sets"
