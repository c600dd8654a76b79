"""Which tables a statement names, and how hard it locks each: the grammar says.

Where the grammar does not tell, the hardest lock counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from migrationops.postgres.statements import (
    UnreadableError,
    parse,
    without_placeholders,
)
from migrationops.postgres.table_locks import Lock

_MODES = {
    "select_stmt": Lock.AS,
    "insert_stmt": Lock.RX,
    "update_stmt": Lock.RX,
    "delete_stmt": Lock.RX,
    "merge_stmt": Lock.RX,
    "create_stats_stmt": Lock.SUX,
    "create_trig_stmt": Lock.SRX,
}


def named_tables(sql: str) -> dict[str, Lock]:
    """Return the tables and indexes that the SQL names, quoted; none if unparsable."""
    try:
        statements = [raw.stmt for raw in parse(without_placeholders(sql)).stmts]
    except UnreadableError:
        return {}
    found: dict[str, Lock] = {}
    for statement in statements:
        for name, lock in _locked(statement):
            found[name] = max(lock, found.get(name, lock))
    return found


def _locked(statement: Any) -> Iterator[tuple[str, Lock]]:
    import postgast
    from postgast import pg_query_pb2 as pb

    referenced = Counter(
        _name(c.pktable)
        for c in postgast.find_nodes(statement, pb.Constraint)
        if c.contype == pb.CONSTR_FOREIGN
    )
    read = Counter(
        _name(table)
        for select in postgast.find_nodes(statement, pb.SelectStmt)
        for source in select.from_clause
        for table in postgast.find_nodes(source, pb.RangeVar)
    )
    named = Counter(map(_name, postgast.find_nodes(statement, pb.RangeVar)))
    mode = _mode(statement)
    yield from ((name, mode) for name in named - referenced - read)
    yield from ((name, Lock.SRX) for name in referenced)
    yield from ((name, Lock.AS) for name in read)
    for drop in postgast.find_nodes(statement, pb.DropStmt):
        yield from ((name, Lock.AX) for name in _dropped(drop))


def _dropped(drop: Any) -> Iterator[str]:
    """Name what a DROP locks: of a trigger, policy or rule its table."""
    from postgast import pg_query_pb2 as pb

    of_tables = (pb.OBJECT_TRIGGER, pb.OBJECT_POLICY, pb.OBJECT_RULE)
    for dropped in drop.objects:
        parts = [item.string.sval for item in dropped.list.items]
        if drop.remove_type in of_tables:
            parts.pop()
        if name := _quoted(parts):
            yield name


def _mode(statement: Any) -> Lock:
    """Return the lock on what the statement is about."""
    kind = statement.WhichOneof("node")
    if kind == "lock_stmt":
        return Lock(statement.lock_stmt.mode)
    if kind == "index_stmt":
        return Lock.SUX if statement.index_stmt.concurrent else Lock.S
    if kind == "alter_table_stmt":
        commands = [c.alter_table_cmd for c in statement.alter_table_stmt.cmds]
        return max(map(_alteration, commands))
    return _MODES.get(kind, Lock.AX)


def _alteration(command: Any) -> Lock:
    from postgast import pg_query_pb2 as pb

    adds_key = (
        command.subtype == pb.AT_AddConstraint
        and getattr(command, "def").constraint.contype == pb.CONSTR_FOREIGN
    )
    weaker = {
        pb.AT_ValidateConstraint: Lock.SUX,
        pb.AT_SetStatistics: Lock.SUX,
        pb.AT_EnableTrig: Lock.SRX,
        pb.AT_DisableTrig: Lock.SRX,
        pb.AT_EnableTrigUser: Lock.SRX,
        pb.AT_DisableTrigUser: Lock.SRX,
    }
    return Lock.SRX if adds_key else weaker.get(command.subtype, Lock.AX)


def _name(table: Any) -> str:
    return _quoted((table.schemaname, table.relname))


def _quoted(parts: Iterable[str]) -> str:
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts if part)
