from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings

from migrationops.progress import silent
from migrationops.workflows.preparation import install_own_tables, locked

if TYPE_CHECKING:
    import pytest_django.fixtures

    from tests.sandbox import Sandbox


@pytest.fixture
def stamped(
    sandbox: Sandbox, settings: pytest_django.fixtures.SettingsWrapper
) -> Sandbox:
    """Return a sandbox with our tables and stamp, whose conf the settings are."""
    settings.MIGRATIONOPS = {
        **django_settings.MIGRATIONOPS,
        "BACKUP_DIR": sandbox.directory,
        "STATE_DIR": sandbox.directory.parent / "state",
    }
    conf = sandbox.conf()
    with locked(sandbox.alias, conf, "test", wait=0) as lock:
        install_own_tables(sandbox.alias, conf, lock, silent)
    return sandbox
