"""What is not restored, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from migrationops.backups import catalog
from migrationops.backups import manifest as manifests
from migrationops.backups.losses import Accepted
from migrationops.conf import get_conf
from migrationops.exceptions import (
    BackupError,
    ManifestError,
    PreconditionError,
    RefusedError,
    StampError,
)
from tests.integration.backups.restoring import beside, put_back, take
from tests.roles import needs_superuser

if TYPE_CHECKING:
    import pytest_django.fixtures

    from tests.sandbox import Sandbox

pytestmark = pytest.mark.postgres_tools


def test_a_name_typed_wrong_is_refused(box: Sandbox) -> None:
    take(box)
    with pytest.raises(RefusedError, match="is called"):
        put_back(box, lambda: "other")
    assert beside(box) == {}


def test_one_flipped_bit_is_refused_before_anything_is_built(box: Sandbox) -> None:
    manifest = take(box)
    path = box.directory / manifest.file.name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupError, match="SHA-256 differs"):
        put_back(box)
    assert beside(box) == {}


def test_an_archive_without_the_counted_rows_is_refused_and_dropped(
    box: Sandbox,
) -> None:
    manifest = take(box)
    tables = tuple(
        replace(t, rows=101) if t.name == "item" else t for t in manifest.tables
    )
    wrong = manifests.sign(replace(manifest, tables=tables), get_conf())
    catalog.write(box.directory, wrong)
    with pytest.raises(BackupError, match="has 100 rows instead of 101"):
        put_back(box)
    assert beside(box) == {}


def test_a_backup_of_another_environment_needs_trust(
    box: Sandbox, settings: pytest_django.fixtures.SettingsWrapper
) -> None:
    """Its stamp lies in the archive, and does not come along."""
    stamp_as = "UPDATE migrationops_stamp SET environment = '{}'"
    ours = {**settings.MIGRATIONOPS, "SIGNING_KEYS": ["theirs and ours"]}
    box.sql(stamp_as.format("development"))
    settings.MIGRATIONOPS = {**ours, "ENVIRONMENT": "development"}
    take(box)
    box.sql(stamp_as.format("test"))
    settings.MIGRATIONOPS = ours
    with pytest.raises(ManifestError, match="backup of development"):
        put_back(box)
    put_back(box, trust=True, accepted=Accepted(rows=None))
    assert box.sql("SELECT environment FROM migrationops_stamp") == "test"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param(
            {"database_bytes": 10**18},
            r"needs about 1,100,000,000,000\.0 MB .* are free",
            marks=needs_superuser("is told where the data lie"),
            id="size",
        ),
        pytest.param(
            {"server_version": "99.1"},
            r"is of PostgreSQL 99, this server is \d+",
            id="major",
        ),
    ],
)
def test_what_cannot_be_restored_here_is_refused_before_it_is_begun(
    box: Sandbox, wrong: dict[str, Any], message: str
) -> None:
    manifest = replace(take(box), **wrong)
    catalog.write(box.directory, manifests.sign(manifest, get_conf()))
    with pytest.raises(PreconditionError, match=message) as caught:
        put_back(box)
    assert "Nothing was changed" in str(caught.value)
    assert beside(box) == {}


def test_a_database_of_another_environment_is_refused(box: Sandbox) -> None:
    take(box)
    box.sql("UPDATE migrationops_stamp SET environment = 'production'")
    with pytest.raises(StampError):
        put_back(box)
