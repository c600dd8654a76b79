from __future__ import annotations

from dataclasses import replace

import pytest

from migrationops import drift, expected
from migrationops.conf import get_conf
from migrationops.postgres import databases, introspection

pytestmark = [pytest.mark.django_db, pytest.mark.postgres_tools]


@pytest.fixture
def conf(tmp_path):
    return replace(get_conf(), state_dir=tmp_path)


@pytest.mark.faults
def test_the_replayed_schema_is_that_of_the_database(conf):
    catalog = expected.expected_catalog("default", conf)

    with databases.connect("default") as connection:
        report = drift.compare(catalog, introspection.catalog(connection))
    assert [str(d) for d in report.differences] == []
    (kept,) = (conf.state_dir / "expected").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600


def test_what_was_replayed_once_is_kept_until_catalogs_are_read_otherwise(
    conf, monkeypatch
):
    nothing = expected.expected_catalog("default", conf, applied=[])
    (kept,) = (conf.state_dir / "expected").iterdir()
    kept.write_text('{"tables": [{"schema": "s", "name": "t"}], "objects": []}')

    (table,) = expected.expected_catalog("default", conf, applied=[]).tables
    assert table.qualified_name == "s.t"

    read = introspection.query
    monkeypatch.setattr(introspection, "query", lambda name: f"{read(name)} -- newer")
    assert expected.expected_catalog("default", conf, applied=[]) == nothing
