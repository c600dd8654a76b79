"""A new column with a volatile default rewrites the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddColumnVolatileDefault(WorkRule):
    id = "add-column-volatile-default"
    title = "A new column with a volatile default rewrites the table"
    problem = (
        "A default that is still volatile after planning (random(), "
        "clock_timestamp(), gen_random_uuid(), nextval()) must be computed for every "
        "row: the whole table and all of its indexes are written anew while nobody "
        "can read or write it. A constant or now() costs nothing."
    )
    remedy = """\
from migrationops.operations import AddFieldWithDefault, Backfill, SetNotNull

# expand: new rows get the default, old ones stay NULL
field = models.UUIDField(null=True, db_default=RandomUUID())
AddFieldWithDefault("order", "token", field)
# backfill, in batches, atomic = False
Backfill("order", {"token": RandomUUID()}, Q(token=None))
# contract, atomic = False
SetNotNull("order", "token", models.UUIDField(db_default=RandomUUID()))
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-column-volatile-default",)


RULE = AddColumnVolatileDefault()
