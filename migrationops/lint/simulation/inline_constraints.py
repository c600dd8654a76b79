"""The constraints that ADD COLUMN writes behind a column."""

from __future__ import annotations

from collections.abc import Sequence

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import constraints, foreign_keys
from migrationops.lint.simulation.subcommand import Subcommand
from migrationops.lint.simulation.syntax import Node

_OWN = constraints.KINDS.keys() - {pb.CONSTR_NOTNULL}
_VALUES = {pb.CONSTR_DEFAULT, pb.CONSTR_GENERATED}


def of_column(sub: Subcommand, column: str, nodes: Sequence[Node]) -> None:
    """Add the constraints that ADD COLUMN wrote behind the column."""
    for original in nodes:
        if original.contype not in _OWN:
            continue
        node = constraints.bound_to(original, column)
        if node.contype == pb.CONSTR_FOREIGN:
            with_value = any(n.contype in _VALUES for n in nodes)
            foreign_keys.add_foreign_key(
                sub, node, "add-column-references", check=with_value
            )
            continue
        if node.contype == pb.CONSTR_CHECK:
            if node.is_enforced:
                sub.phase3.scan(sub.table, "add-column-inline-check")
        else:
            sub.phase3.build_index(sub.table, constraints.INDEX_CAUSES[node.contype])
        constraints.announce(sub, node, inline=True)
