"""Labels that this transaction adds to enums, and may not use yet."""

from __future__ import annotations

from collections.abc import Iterable

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import syntax
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World


def note(
    world: World, recorder: Recorder, node: Node, tables: Iterable[str] = ()
) -> None:
    """Fail when a new label is a constant where a value of its type may stand."""
    if not world.new_labels:
        return
    near = _types(world, node, tables)
    labels = {label for type_, label in world.new_labels if type_ in near}
    used = {
        syntax.literal(pb.Node(a_const=m))
        for name, m in syntax.walk(node)
        if name == "A_Const"
    }
    for label in sorted(labels & used):
        recorder.event("enum_value_used", name=label)
        recorder.fail("55P04", f'unsafe use of new value "{label}" of an enum type')


def _types(world: World, node: Node, tables: Iterable[str]) -> set[str]:
    """Return the types that a statement names, and those of its tables' columns."""
    named = [*tables, *(world.name_of(r) for r in syntax.relations(node))]
    texts = [c.type for t in named if (table := world.find(t)) for c in table.columns]
    found = [type_ for text in texts if (type_ := world.type_of_text(text))]
    written = [world.type_of(m) for name, m in syntax.walk(node) if name == "TypeName"]
    return {type_.name for type_ in (*found, *written)}
