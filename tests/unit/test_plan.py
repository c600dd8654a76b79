from __future__ import annotations

import pytest

from migrationops.plan import Phase, Plan, PlannedMigration, phase_of
from migrationops.sources import hash_source


def planned(name: str, *, source: str = "x") -> PlannedMigration:
    return PlannedMigration(
        app="shop",
        name=name,
        phase=None,
        atomic=True,
        reversible=True,
        additive=True,
        operations=(),
        source_hash=source,
    )


def plan(*migrations: PlannedMigration, alias: str = "default") -> Plan:
    return Plan(alias=alias, migrations=migrations)


@pytest.mark.parametrize(
    "same", ["a = 1", "a = 1  # why", "a = (1)", '"""Doc."""\n\na = 1']
)
def test_comments_and_layout_do_not_change_the_hash(same: str) -> None:
    assert hash_source(same) == hash_source("a=1")


@pytest.mark.parametrize(
    "other", ["a = 2", "b = 1", "a = 1.0", "a = '1'", "a: int = 1"]
)
def test_meaning_changes_the_hash(other: str) -> None:
    assert hash_source(other) != hash_source("a = 1")


def test_the_fingerprint_sees_order_names_sources_and_alias() -> None:
    a, b = planned("0001"), planned("0002")
    fingerprints = {
        plan(a, b).fingerprint,
        plan(b, a).fingerprint,
        plan(a).fingerprint,
        plan(a, planned("0002", source="y")).fingerprint,
        plan(a, b, alias="other").fingerprint,
    }

    assert len(fingerprints) == 5


@pytest.mark.parametrize(
    ("name", "phase"),
    [
        ("0001_expand_item", Phase.EXPAND),
        ("0002_pre_item", Phase.EXPAND),
        ("0003_backfill_item", Phase.BACKFILL),
        ("0004_post_item", Phase.CONTRACT),
        ("0005_initial", None),
        ("0006_add_contract_field", None),
        ("initial", None),
    ],
)
def test_the_phase_stands_in_the_name(name: str, phase: Phase | None) -> None:
    assert phase_of(name) is phase
