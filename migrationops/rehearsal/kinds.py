"""What a statement is, by PostgreSQL's grammar."""

from __future__ import annotations

from typing import Any

from postgast import pg_query_pb2 as pb

from migrationops.postgres.statements import (
    UnreadableError,
    parse,
    without_placeholders,
)

Node = Any  # protobuf's classes are made at run time

_READS = {"select_stmt", "variable_set_stmt", "variable_show_stmt", "transaction_stmt"}
_ON_LOCKED_TABLES = {"alter_table_stmt", "create_stmt", "drop_stmt", "index_stmt"}
_WRITES_ROWS = {
    "call_stmt",
    "copy_stmt",
    "delete_stmt",
    "do_stmt",
    "execute_stmt",
    "insert_stmt",
    "merge_stmt",
    "select_stmt",
    "truncate_stmt",
    "update_stmt",
}


def controls_transaction(sql: str) -> bool:
    """Tell whether there is a BEGIN, COMMIT, SAVEPOINT or their like in it."""
    return "transaction_stmt" in _kinds(sql)


def copies_out(sql: str) -> bool:
    """Tell whether rows come to the client: COPY ... TO STDOUT."""
    return any(not copy.is_from for copy in _client_copies(sql))


def copies_in(sql: str) -> bool:
    """Tell whether the client is to send rows: COPY ... FROM STDIN."""
    return any(copy.is_from for copy in _client_copies(sql))


def needs_block(sql: str) -> bool:
    """Tell whether it makes sense inside of a transaction block only."""
    return bool(_kinds(sql) & {"lock_stmt", "declare_cursor_stmt"})


def changes_locked_tables_only(sql: str) -> bool:
    """Tell whether it changes no table but those that it locks.

    A rename, say, shows in the definitions of others; an ALTER INDEX changes its
    table's without a lock on it.
    """
    return _kinds(sql) <= _ON_LOCKED_TABLES and not _alters_index(sql)


def only_reads(sql: str) -> bool:
    """Tell whether it is a query, or speaks of the session alone.

    It may hold the driver's placeholders, which are no SQL.
    """
    return _kinds(sql) <= _READS


def only_defines(sql: str) -> bool:
    """Tell whether it can be seen in the catalog all that it does."""
    return not _kinds(sql) & (_WRITES_ROWS | {"unreadable"})


def _alters_index(sql: str) -> bool:
    return any(
        statement.alter_table_stmt.objtype == pb.OBJECT_INDEX
        for statement in _statements(sql)
        if statement.HasField("alter_table_stmt")
    )


def _client_copies(sql: str) -> list[Node]:
    try:
        statements = _statements(sql)
    except UnreadableError:
        return []
    copies = [s.copy_stmt for s in statements if s.HasField("copy_stmt")]
    return [copy for copy in copies if not copy.filename]


def _kinds(sql: str) -> set[str]:
    try:
        return {statement.WhichOneof("node") for statement in _statements(sql)}
    except UnreadableError:
        return {"unreadable"}


def _statements(sql: str) -> list[Node]:
    return [raw.stmt for raw in parse(without_placeholders(sql)).stmts]
