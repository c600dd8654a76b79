from __future__ import annotations

import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrationops import drift
from migrationops.drift import Change
from migrationops.schema import Catalog, Column, Constraint, Index, Object, Table

# On a busy machine the first examples take long to draw.
unhurried = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
names = st.text(string.ascii_lowercase, min_size=1, max_size=3)


def by_name(values):
    return tuple(sorted(values, key=lambda v: v.name))


def unique(strategy, key=lambda v: v.name):
    return st.lists(strategy, max_size=3, unique_by=key).map(by_name)


columns = st.builds(
    Column,
    name=names,
    type=st.sampled_from(["integer", "text"]),
    nullable=st.booleans(),
    default=st.none() | names,
    comment=st.none() | names,
)
indexes = st.builds(Index, name=names, definition=names, valid=st.booleans())
constraints = st.builds(
    Constraint, name=names, kind=st.sampled_from("cfu"), definition=names
)
tables = st.builds(
    Table,
    schema=st.sampled_from(["public", "other"]),
    name=names,
    kind=st.sampled_from("rv"),
    columns=unique(columns),
    indexes=unique(indexes),
    constraints=unique(constraints),
)
objects = st.builds(
    Object,
    kind=st.sampled_from(["function", "enum"]),
    schema=st.just("public"),
    name=names,
    definition=names,
)
catalogs = st.builds(
    Catalog,
    tables=unique(tables, lambda t: t.qualified_name),
    objects=unique(objects, lambda o: (o.kind, o.name)),
)


@unhurried
@given(catalogs)
def test_a_catalog_does_not_differ_from_itself(catalog):
    report = drift.compare(catalog, Catalog.from_json(catalog.to_json()))

    assert not report


@unhurried
@given(catalogs, catalogs)
def test_differences_are_those_of_the_other_way_round(one, other):
    there = drift.compare(one, other).differences
    back = drift.compare(other, one).differences

    mirror = {
        Change.MISSING: Change.UNEXPECTED,
        Change.UNEXPECTED: Change.MISSING,
        Change.DIFFERS: Change.DIFFERS,
    }
    assert sorted((d.change, d.name, d.attribute) for d in there) == sorted(
        (mirror[d.change], d.name, d.attribute) for d in back
    )
    assert bool(there) == (one.fingerprint != other.fingerprint)


@unhurried
@given(catalogs, catalogs)
def test_a_report_survives_json(one, other):
    report = drift.compare(one, other)

    assert drift.DriftReport.from_json(report.to_json()) == report


def table(**facts):
    return Table(**{"schema": "public", "name": "t", **facts})


@pytest.mark.parametrize(
    ("want", "got", "message"),
    [
        (
            table(columns=(Column(name="a", type="bigint"),)),
            table(columns=(Column(name="a", type="integer"),)),
            "column public.t.a: type is integer, expected bigint",
        ),
        (
            table(columns=(Column(name="a", type="int", default="1"),)),
            table(columns=(Column(name="a", type="int"),)),
            "column public.t.a: default is absent, expected 1",
        ),
        (
            table(columns=(Column(name="a", type="int", nullable=False),)),
            table(),
            "column public.t.a is missing; expected int NOT NULL",
        ),
        (
            table(),
            table(indexes=(Index(name="i", definition="CREATE INDEX i"),)),
            "index public.t.i is not expected; it is CREATE INDEX i",
        ),
        (
            table(indexes=(Index(name="i", definition="CREATE INDEX i"),)),
            table(indexes=(Index(name="i", definition="CREATE INDEX i", valid=False),)),
            "index public.t.i: valid is false, expected true",
        ),
        (
            table(
                constraints=(Constraint(name="c", kind="c", definition="CHECK (x)"),)
            ),
            table(
                constraints=(
                    Constraint(
                        name="c",
                        kind="c",
                        definition="CHECK (x) NOT VALID",
                        validated=False,
                    ),
                )
            ),
            "constraint public.t.c: definition is CHECK (x) NOT VALID, "
            "expected CHECK (x)",
        ),
        (
            table(kind="v"),
            table(kind="m"),
            "view public.t: kind is materialised view, expected view",
        ),
    ],
)
def test_one_difference_is_told_once_and_in_words(want, got, message):
    report = drift.compare(Catalog(tables=(want,)), Catalog(tables=(got,)))

    assert [str(d) for d in report.differences] == [message]
