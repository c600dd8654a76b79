"""INSERTs of running code fail without the new column."""

from __future__ import annotations

from collections.abc import Iterator

from migrationops.lint import severity
from migrationops.lint.rule import Hit, StatementRule
from migrationops.lint.units import Step


class AddRequiredColumn(StatementRule):
    id = "add-required-column"
    title = "INSERTs of running code fail without the new column"
    problem = (
        "A NOT NULL column without a default in the database: PostgreSQL refuses it "
        "on a table with rows, and Django, which adds it with a default and drops "
        "that at once, breaks every INSERT of the old release."
    )
    remedy = """\
models.BooleanField(db_default=False)  # the database fills it in for old code
# or null=True now, and SetNotNull when every instance writes it
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/models/fields/#db-default"

    def check(self, step: Step) -> Iterator[Hit]:
        for table, column in [*self._bare(step), *self._dropped(step)]:
            yield Hit(
                severity=severity.of_deploy(step, table),
                table=table,
                message=f"{self.title}: {table}.{column} has no default.",
            )

    def _bare(self, step: Step) -> Iterator[tuple[str, str]]:
        """Columns that are added without a default."""
        for event in step.events("add_column"):
            column = event["column"]
            bare = not (column.nullable or event["has_value"] or column.generated)
            if bare and not step.is_new(event.table):
                yield event.table, event.name

    def _dropped(self, step: Step) -> Iterator[tuple[str, str]]:
        """Columns whose default goes as soon as they are there, Django's way."""
        added = {(e.table, e.name) for e in step.earlier("add_column")}
        for event in step.events("drop_default"):
            column = event["column"]
            fresh = (event.table, event.name) in added and not step.is_new(event.table)
            if fresh and column and not column.nullable:
                yield event.table, event.name


RULE = AddRequiredColumn()
