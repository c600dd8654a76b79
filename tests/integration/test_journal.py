"""The journal's second copy, for when the server is gone."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psycopg
import pytest
from django.db import connection

from migrationops.conf import get_conf
from migrationops.journal import Journal
from migrationops.models import Run

if TYPE_CHECKING:
    from pathlib import Path

    import pytest_django.fixtures


@pytest.mark.django_db(transaction=True)
def test_the_file_tells_how_a_run_ended_whose_connection_broke(
    settings: pytest_django.fixtures.SettingsWrapper, tmp_path: Path
) -> None:
    settings.MIGRATIONOPS = {**settings.MIGRATIONOPS, "STATE_DIR": tmp_path}
    journal = Journal.open("default", get_conf(), "test")
    pid = journal.connection.info.backend_pid
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    with pytest.raises(psycopg.Error):
        journal.close(Run.State.FAILED, 5)

    assert journal.connection.closed
    assert Run.objects.get(id=journal.run_id).state == Run.State.OPEN
    last = json.loads(journal.file.path.read_text().splitlines()[-1])
    assert last.items() >= {"event": "end", "state": "failed", "exit_code": 5}.items()
