"""Functions that a statement calls: what they may do besides answering."""

from __future__ import annotations

from migrationops.lint.simulation import expressions, syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World


def note(world: World, recorder: Recorder, node: Node) -> None:
    """A function of the user's own may do anything; a stable one can only read."""
    for name, call in syntax.walk(node):
        if name != "FuncCall":
            continue
        called = syntax.strings(call.funcname)[-1]
        if called == "pg_advisory_lock":
            recorder.event("advisory_lock")
        if called == "set_config":
            _set_config(world, call)
        own = [
            f
            for f in expressions.functions_called(call, world)
            if f.schema != "pg_catalog" and f.inline is None
        ]
        dangerous = {"v", "s"} if _closed(world) else {"v"}
        if any(f.volatility in dangerous for f in own):
            recorder.cannot_know(f"what function {called} does")


def _set_config(world: World, call: Node) -> None:
    values = [syntax.literal(n) for n in call.args]
    if len(values) == 3:
        name, value, local = values
        world.set(name.lower(), value, local=local in {"true", "t"})


def _closed(world: World) -> bool:
    return any(mode.blocks_writes for mode in world.held.values())
