"""The statements of a DO block, as far as its text says them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import postgast

from migrationops.lint.simulation import syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node

Execute = Callable[[str], None]

_UNKNOWN = "a statement that a DO block puts together"
# What is run perhaps, or many times.
_BRANCHES = {"then_body", "elsif_list", "else_body", "case_when_list", "else_stmts"}
_LOOPS = {
    f"PLpgSQL_stmt_{kind}"
    for kind in ("loop", "while", "fori", "fors", "forc", "foreach_a", "dynfors")
}
_DYNAMIC = {"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"}
_ENDS = {"PLpgSQL_stmt_commit", "PLpgSQL_stmt_rollback", "PLpgSQL_stmt_call"}


def run_block(tree: Node, recorder: Recorder, execute: Execute) -> None:
    """Run a block's statements by `execute`; in a branch or loop they only may be."""
    language = syntax.option(tree.args, "language")
    if language and syntax.literal(language.arg) != "plpgsql":
        _cannot_know(recorder, "what a DO block does")
        return
    try:
        (function,) = postgast.parse_plpgsql(recorder.statement.sql)
    except (postgast.PgQueryError, ValueError, RecursionError):
        _cannot_know(recorder, "what a DO block does")
        return
    action = function["PLpgSQL_function"].get("action", {})
    for sql, recorder.maybe in _statements(action, maybe=False):
        if sql is None:
            _cannot_know(recorder, _UNKNOWN)
        else:
            execute(sql)
    recorder.maybe = False


def _cannot_know(recorder: Recorder, reason: str) -> None:
    recorder.event("opaque", name=reason)
    recorder.cannot_know(reason)


def _statements(node: Any, *, maybe: bool) -> Iterator[tuple[str | None, bool]]:
    """Yield each statement and whether it only may be run; None: not to be read."""
    if isinstance(node, list):
        for item in node:
            yield from _statements(item, maybe=maybe)
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from _part(key, value, maybe=maybe)


def _part(key: str, value: Any, *, maybe: bool) -> Iterator[tuple[str | None, bool]]:
    caught = isinstance(value, dict) and "exceptions" in value
    maybe = maybe or caught or key in _BRANCHES | _LOOPS
    if key == "PLpgSQL_expr":
        yield _text(value), maybe
    elif key in _ENDS:
        yield None, maybe
    elif key in _DYNAMIC:
        yield _literal(value["query"]["PLpgSQL_expr"]["query"]), maybe
        yield from _statements(value.get("body", []), maybe=maybe)
    else:
        yield from _statements(value, maybe=maybe)


def _text(expression: dict[str, Any]) -> str:
    """Return SQL; parseMode is RawParseMode: a statement, an assignment, or a value."""
    text = str(expression["query"])
    match expression.get("parseMode"):
        case 0:
            return text
        case 3:
            return f"SELECT {text.partition(':=')[2] or text.partition('=')[2]}"
        case _:
            return f"SELECT {text}"


def _literal(text: str) -> str | None:
    """Return what EXECUTE of a constant runs."""
    try:
        return syntax.literal(syntax.expression(text)) or None
    except (syntax.UnparsableError, ValueError):
        return None
