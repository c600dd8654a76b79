"""A table by schema and name."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A table; its schema is blank while it does not exist (sqlmigrate)."""

    schema: str
    name: str

    @property
    def identifier(self) -> sql.Identifier:
        return self.sibling(self.name)

    def sibling(self, name: str) -> sql.Identifier:
        """Return an index, function or table in the same schema."""
        return sql.Identifier(*filter(None, (self.schema, name)))

    def __str__(self) -> str:
        return self.identifier.as_string()
