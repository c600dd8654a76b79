"""The statements of a DO block, as far as its text says them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import postgast

from migrationops.lint.simulation import guards, syntax
from migrationops.lint.simulation.recorder import Recorder, WillFailError
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
    with suppress(_ReturnedError):
        _Walk(recorder=recorder, execute=execute).over(action, maybe=False)
    recorder.maybe = False


class _ReturnedError(Exception):
    """The block is left here."""


def _cannot_know(recorder: Recorder, reason: str) -> None:
    recorder.event("opaque", name=reason)
    recorder.cannot_know(reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Walk:
    """Goes through a block in its order; `maybe`: what is met is run perhaps."""

    recorder: Recorder
    execute: Execute

    def over(self, node: Any, *, maybe: bool) -> None:
        if isinstance(node, list):
            for item in node:
                self.over(item, maybe=maybe)
        elif isinstance(node, dict):
            for key, value in node.items():
                self._part(key, value, maybe=maybe)

    def _part(self, key: str, value: Any, *, maybe: bool) -> None:
        maybe = maybe or key in _BRANCHES | _LOOPS
        if key == "PLpgSQL_expr":
            self._run(_text(value), maybe=maybe)
        elif key == "PLpgSQL_stmt_if":
            self._if(value, maybe=maybe)
        elif key == "PLpgSQL_stmt_return" and not maybe:
            raise _ReturnedError
        elif key in _ENDS:
            self._run(None, maybe=maybe)
        elif key in _DYNAMIC:
            self._run(_literal(value["query"]["PLpgSQL_expr"]["query"]), maybe=maybe)
            self.over(value.get("body", []), maybe=maybe)
        elif isinstance(value, dict) and "exceptions" in value:
            self._catching(value, maybe=maybe)
        else:
            self.over(value, maybe=maybe)

    def _run(self, sql: str | None, *, maybe: bool) -> None:
        self.recorder.maybe = maybe
        if sql is None:
            _cannot_know(self.recorder, _UNKNOWN)
        else:
            self.execute(sql)

    def _if(self, value: dict[str, Any], *, maybe: bool) -> None:
        """Take the arm that the catalog decides for; else any may be taken."""
        condition = value["cond"]["PLpgSQL_expr"]["query"]
        match guards.holds(self.recorder.world, condition):
            case True:
                self.over(value.get("then_body", []), maybe=maybe)
            case False:
                more = value.get("elsif_list", [])
                self.over(more, maybe=True)
                self.over(value.get("else_body", []), maybe=maybe or bool(more))
            case None:
                self.over(value, maybe=maybe)

    def _catching(self, value: dict[str, Any], *, maybe: bool) -> None:
        """What fails here is undone; its handlers run perhaps."""
        world, before = self.recorder.world, self.recorder.world.copy()
        noted = self.recorder.mark()
        body = {k: v for k, v in value.items() if k != "exceptions"}
        try:
            self.over(body, maybe=maybe)
        except WillFailError:
            world.restore(before)
            self.recorder.undo(noted)
        self.over(value["exceptions"], maybe=True)


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
