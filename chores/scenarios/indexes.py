"""Indexes out of the way of a bulk load, and back before its commit.

Kept row by row they cost three times what one sort at the end does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.db import connections
from django.db.models import Index, Model

# Bytes of a table up to which its indexes are quickly made anew.
SMALL = 64 * 2**20
# Primary keys stay, and so does what a foreign key, a cluster or a replica hangs on.
INDEXES = """
SELECT i.relname
  FROM pg_index AS x
  JOIN pg_class AS i ON i.oid = x.indexrelid
  JOIN pg_class AS r ON r.oid = x.indrelid
 WHERE r.relname = ANY (%s) AND pg_table_is_visible(r.oid)
   AND pg_relation_size(r.oid) < %s AND pg_has_role(r.relowner, 'USAGE')
   AND NOT (x.indisprimary OR x.indisclustered OR x.indisreplident)
   AND NOT EXISTS (SELECT FROM pg_constraint AS f
                    WHERE f.conindid = i.oid AND f.contype = 'f')
"""


@contextmanager
def without_indexes(alias: str, models: Sequence[type[Model]]) -> Iterator[None]:
    """Drop the indexes of those tables that are small, and make them at the end.

    They are made from the models: what PostgreSQL prints of a partial index is not
    word for word what it prints of the index made from that.
    """
    there = dispensable(alias, models)
    indexes = [
        (model, item)
        for model in models
        for item in (*model._meta.indexes, *model._meta.constraints)
        if item.name in there
    ]
    connection = connections[alias]
    with connection.schema_editor(atomic=False) as editor:
        for model, item in indexes:
            if isinstance(item, Index):
                editor.remove_index(model, item)
            else:
                editor.remove_constraint(model, item)
    yield
    with connection.schema_editor(atomic=False) as editor:
        for model, item in indexes:
            if isinstance(item, Index):
                editor.add_index(model, item)
            else:
                editor.add_constraint(model, item)


def dispensable(alias: str, models: Sequence[type[Model]]) -> set[str]:
    """Return the names of the indexes that a load can do without."""
    with connections[alias].cursor() as cursor:
        cursor.execute(INDEXES, [[model._meta.db_table for model in models], SMALL])
        return {name for (name,) in cursor.fetchall()}
