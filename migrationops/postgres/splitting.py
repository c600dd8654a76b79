"""A script cut into its statements."""

from __future__ import annotations

import postgast
from postgast import pg_query_pb2 as pb

_COMMENTS = (pb.SQL_COMMENT, pb.C_COMMENT)


def split(sql: str) -> list[str]:
    """Split a script by PostgreSQL's grammar, or by its tokens where that fails.

    What has not even tokens is one statement: the server will say why.
    """
    try:
        parts = postgast.split(sql)
    except postgast.PgQueryError:
        parts = _split_tokens(sql)
    return [text for part in parts if (text := part.strip())]


def _split_tokens(sql: str) -> list[str]:
    # Not postgast's own splitting by tokens: it drops what has no keyword.
    try:
        tokens = postgast.scan(sql).tokens
    except postgast.PgQueryError:
        return [sql]
    text, parts, depth, filled, start = sql.encode(), [], 0, False, 0
    for token in (*tokens, None):
        mark = text[token.start : token.end] if token else b""
        depth += {b"(": 1, b")": -1}.get(mark, 0)
        if token is None or (mark == b";" and depth <= 0):
            end = token.start if token else len(text)
            parts += [text[start:end].decode()] if filled else []
            start, filled = end + 1, False
        elif token.token not in _COMMENTS:
            filled = True
    return parts
