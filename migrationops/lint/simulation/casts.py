"""Casts: is there one, and must rows be written anew for it?"""

from __future__ import annotations

from dataclasses import replace

from migrationops.lint.simulation import datatypes, syntax, type_changes
from migrationops.lint.simulation.datatypes import TypeRef
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World


def castable(
    world: World, old: TypeRef, new: TypeRef, *, explicit: bool = False
) -> bool | None:
    """Is there a cast, by assignment or explicit? None when no server told.

    Follows find_coercion_pathway: a cast of pg_cast, the same of two arrays'
    elements, or by way of text.
    """
    facts = world.facts
    source = datatypes.base(old, world.domains)
    target = datatypes.base(new, world.domains)
    if (source.name, source.array) == (target.name, target.array):
        return True
    if not facts.live:
        return None
    if not target.array and target.name in facts.strings:
        return True
    if explicit and not source.array and source.name in facts.strings:
        return True
    if source.array and target.array:
        source, target = replace(source, array=False), replace(target, array=False)
        return castable(world, source, target, explicit=explicit)
    casts = facts.castable if explicit else facts.assignable
    fits = (source.name, target.name) in casts
    return fits and not (source.array or target.array)


def needs_rewrite(
    world: World, column: str, old: TypeRef | None, new: TypeRef, using: Node | None
) -> bool | None:
    """Must rows be written anew? None when a type is not known."""
    if old is None:
        return None
    start = old
    for step in [*casts_of(using, column, world), new]:
        if step is None:
            return True
        if _changes(world, start, step):
            return True
        start = step
    return False


def _changes(world: World, old: TypeRef, new: TypeRef) -> bool:
    return type_changes.changes_rows(
        old,
        new,
        domains=world.domains,
        coercible=world.facts.coercible,
        utc=(world.setting("timezone") or world.facts.timezone).upper() in _UTC,
    )


_ZONES = ["UTC", "GMT", "UCT", "ZULU", "UNIVERSAL", "GREENWICH"]
_ZONES += ["GMT0", "GMT+0", "GMT-0", "0"]
_UTC = {prefix + name for prefix in ("", "ETC/") for name in _ZONES}


def casts_of(using: Node | None, column: str, world: World) -> list[TypeRef | None]:
    """Return the casts that USING applies to the bare column, inside out.

    [None] stands for any other expression, which always rewrites.
    """
    if using is None:
        return []
    value = syntax.inner(using)
    match syntax.kind(using):
        case "column_ref" if syntax.literal(value.fields[-1]) == column:
            return []
        case "type_cast":
            below = casts_of(value.arg, column, world)
            return [*below, world.type_of(value.type_name)]
        case "collate_clause":
            return casts_of(value.arg, column, world)
        case _:
            return [None]
