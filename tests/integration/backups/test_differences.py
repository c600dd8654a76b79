"""What --list-losses says of two databases: exact, with and without a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from migrationops.backups.difference import Difference, differences
from tests.roles import needs_createdb

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

pytestmark = [needs_createdb]
KEPT = """
CREATE TABLE keyed (a int, b text, n float8, gone int, PRIMARY KEY (a, b));
INSERT INTO keyed VALUES (1, 'x', 1), (1, 'y', 'NaN'), (2, 'ä', 3), (3, 'z', -0.0);
CREATE TABLE keyless (a int, b text);
INSERT INTO keyless VALUES (1, 'x'), (1, 'x'), (1, 'y'), (NULL, NULL);
CREATE TABLE only_kept (a int);
INSERT INTO only_kept VALUES (1), (2);
CREATE TABLE same (a int PRIMARY KEY);
INSERT INTO same VALUES (1);
CREATE TABLE nothing ();
"""
RESTORED = """
CREATE TABLE keyed (b text, n float8, a int, came int, PRIMARY KEY (b, a));
INSERT INTO keyed VALUES ('x', 1, 1, 9), ('y', 'NaN', 1, 9), ('ä', 4, 2, 9),
    ('w', 5, 3, 9);
CREATE TABLE keyless (a int, b text);
INSERT INTO keyless VALUES (1, 'x'), (1, 'z'), (NULL, NULL);
CREATE TABLE only_restored (a int);
INSERT INTO only_restored VALUES (1);
CREATE TABLE same (a int PRIMARY KEY);
INSERT INTO same VALUES (1);
CREATE TABLE nothing ();
"""


@pytest.fixture
def found(sandbox: Sandbox) -> Iterator[dict[str, Difference]]:
    """Return the differences of the two, by table."""
    other = f"{sandbox.name[:40]}_other"
    sandbox.sql(KEPT)
    sandbox.sql(f"CREATE DATABASE {other}", dbname="postgres")
    sandbox.sql(RESTORED, dbname=other)
    with sandbox.connect() as kept, sandbox.connect(other) as restored:
        yield {d.table: d for d in differences(kept, restored)}


def test_each_row_is_counted_once(found: dict[str, Difference]) -> None:
    """Lost, returned and changed; columns that one side lacks are left out."""
    assert {n: (d.lost, d.returned, d.changed) for n, d in found.items()} == {
        "public.keyed": (1, 1, 1),
        "public.keyless": (2, 1, 0),  # one of two alike, and (1, 'y')
        "public.only_kept": (2, 0, 0),
        "public.only_restored": (0, 1, 0),
    }
    assert found["public.keyed"].keys == ("(2,ä)", "(3,z)")
