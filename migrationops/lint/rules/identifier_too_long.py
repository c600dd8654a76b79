"""A name is longer than 63 bytes."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.simulation import syntax
from migrationops.lint.units import Step


class IdentifierTooLong(StatementRule):
    id = "identifier-too-long"
    title = "A name is longer than 63 bytes"
    problem = "PostgreSQL cuts it off silently; two such names collide later."
    remedy = """\
# A shorter name: models.Index(..., name="order_day"), db_table, db_column.
"""
    source = (
        "https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-"
        "IDENTIFIERS"
    )

    def check(self, step: Step) -> Iterator[Hit]:
        for name in syntax.long_names(step.effect.sql):
            yield Hit(severity=Severity.CAREFUL, message=f"{self.title}: {name}")


RULE = IdentifierTooLong()
