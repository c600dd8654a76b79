"""BEGIN, COMMIT, SAVEPOINT, SET: the state of transaction and session."""

from __future__ import annotations

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World

_NAMES = {
    pb.TRANS_STMT_BEGIN: "begin",
    pb.TRANS_STMT_START: "begin",
    pb.TRANS_STMT_COMMIT: "commit",
    pb.TRANS_STMT_ROLLBACK: "rollback",
    pb.TRANS_STMT_SAVEPOINT: "savepoint",
    pb.TRANS_STMT_RELEASE: "release",
    pb.TRANS_STMT_ROLLBACK_TO: "rollback_to",
    pb.TRANS_STMT_PREPARE: "prepare",
    pb.TRANS_STMT_COMMIT_PREPARED: "commit_prepared",
    pb.TRANS_STMT_ROLLBACK_PREPARED: "rollback_prepared",
}


def transaction(world: World, tree: Node, recorder: Recorder) -> None:
    """Follow a transaction statement of the script's own."""
    action = _NAMES.get(tree.kind, "")
    recorder.event("transaction", name=action)
    match action:
        case "begin":
            world.begin()
            world.savepoints.append(("", world.copy()))
        case "commit" | "prepare":
            world.end()
        case "rollback":
            _roll_back(world)
        case "savepoint":
            world.savepoints.append((tree.savepoint_name, world.copy()))
        case "rollback_to":
            _roll_back_to(world, tree.savepoint_name)
        case _:
            pass


def _roll_back(world: World) -> None:
    if world.savepoints:
        world.restore(world.savepoints[0][1])
    world.end()


def _roll_back_to(world: World, name: str) -> None:
    """Undo to the savepoint, its later locks included; it stays."""
    for position in reversed(range(len(world.savepoints))):
        if world.savepoints[position][0] == name:
            kept = world.savepoints[: position + 1]
            world.restore(kept[-1][1].copy())
            world.savepoints = kept
            return


def set_variable(world: World, tree: Node, recorder: Recorder) -> None:
    """SET, SET LOCAL and RESET."""
    name = tree.name.lower()
    values = [syntax.literal(n) for n in tree.args]
    value = ", ".join(values)
    recorder.event("set", name=name, value=value, local=tree.is_local)
    if tree.kind == pb.VAR_RESET_ALL:
        world.settings, world.local_settings = {}, {}
    elif tree.kind in {pb.VAR_RESET, pb.VAR_SET_DEFAULT}:
        world.settings.pop(name, None)
        world.local_settings.pop(name, None)
    else:
        world.set(name, value, local=tree.is_local)
