from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.conf import settings as django_settings

from migrationops.progress import silent
from migrationops.workflows.preparation import install_own_tables, locked
from tests.sandbox import forget, made_sandbox, new_sandbox, register

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest_django
    import pytest_django.fixtures

    from tests.sandbox import Sandbox

ITEMS = """
CREATE TABLE item (id serial PRIMARY KEY, name text);
INSERT INTO item (name) SELECT 'item ' || i FROM generate_series(1, 100) i;
"""


@pytest.fixture(scope="session")
def stamped_template(
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: pytest_django.DjangoDbBlocker,
) -> Iterator[str]:
    """Name a database with our tables and stamp, to which nobody is connected."""
    with django_db_blocker.unblock():
        made = new_sandbox(tmp_path_factory.mktemp("template"))
        made.create()
        register(made)
        try:
            with locked(made.alias, made.conf(), "test", wait=0) as lock:
                install_own_tables(made.alias, made.conf(), lock, silent)
            forget()
            yield made.name
        finally:
            made.drop()


@pytest.fixture
def stamped(
    tmp_path: Path,
    django_db_blocker: pytest_django.DjangoDbBlocker,
    settings: pytest_django.fixtures.SettingsWrapper,
    stamped_template: str,
) -> Iterator[Sandbox]:
    """Return a sandbox with our tables and stamp, whose conf the settings are."""
    settings.MIGRATIONOPS = {
        **django_settings.MIGRATIONOPS,
        "BACKUP_DIR": tmp_path / "backups",
        "STATE_DIR": tmp_path / "state",
    }
    with (
        django_db_blocker.unblock(),
        made_sandbox(tmp_path / "backups", template=stamped_template) as made,
    ):
        yield made


@pytest.fixture
def box(stamped: Sandbox) -> Sandbox:
    """Return a sandbox with a hundred items."""
    stamped.sql(ITEMS)
    return stamped
