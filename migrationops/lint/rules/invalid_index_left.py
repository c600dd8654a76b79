"""The table has an INVALID index."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint.finding import Severity
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step


class InvalidIndexLeft(StatementRule):
    id = "invalid-index-left"
    title = "The table has an INVALID index"
    problem = (
        "A failed CREATE INDEX CONCURRENTLY left it: every write pays for it, no "
        "query uses it, and a unique one guarantees nothing."
    )
    remedy = "DROP INDEX CONCURRENTLY order_day;  -- then build it again"
    source = "https://www.postgresql.org/docs/current/sql-createindex.html"

    def check(self, step: Step) -> Iterator[Hit]:
        for name in step.effect.locks:
            table = step.world.find(name)
            for index in table.indexes if table and table.kind != "p" else ():
                if not index.valid:
                    yield Hit(
                        severity=Severity.CAREFUL,
                        table=name,
                        message=f"{self.title}: {index.name} on {name}.",
                    )


RULE = InvalidIndexLeft()
