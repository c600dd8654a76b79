"""Domains, enums, composite types and functions."""

from __future__ import annotations

from dataclasses import replace

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import datatypes, expressions, syntax
from migrationops.lint.simulation.datatypes import Domain
from migrationops.lint.simulation.facts import Function
from migrationops.lint.simulation.recorder import Recorder
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.postgres.table_locks import Lock


def create_domain(world: World, tree: Node, recorder: Recorder) -> None:
    name = _new_name(world, syntax.strings(tree.domainname))
    world.types[name] = "domain"
    world.domains[name] = datatypes.domain_of(tree, world.type_of(tree.type_name))
    recorder.event("create_type", name=name)


def create_type(world: World, tree: Node, recorder: Recorder) -> None:
    """CREATE TYPE ... AS ENUM, AS RANGE, or composite."""
    if tree.DESCRIPTOR.name == "CompositeTypeStmt":
        name, kind = world.name_of(tree.typevar), "composite"
    else:
        name = _new_name(world, syntax.strings(tree.type_name))
        kind = "enum" if tree.DESCRIPTOR.name == "CreateEnumStmt" else "range"
    world.types[name] = kind
    if world.in_transaction:
        world.created.add(name)
    recorder.event("create_type", name=name)


def _new_name(world: World, parts: tuple[str, ...]) -> str:
    schema = parts[-2] if len(parts) > 1 else world.search_path[0]
    return f"{schema}.{parts[-1]}"


def alter_domain(world: World, tree: Node, recorder: Recorder) -> None:
    """A new constraint, and VALIDATE too, reads every table with the domain."""
    name = world.qualify(syntax.strings(tree.type_name))
    domain = world.domains.get(name)
    if domain is None:
        if world.complete:
            recorder.fail("42704", f'type "{name}" does not exist')
        recorder.cannot_know(f"which tables use the domain {name}")
        return
    action = _ACTIONS[tree.subtype]
    skipped = tree.subtype == "C" and getattr(tree, "def").constraint.skip_validation
    recorder.event("alter_domain", name=name, action=action, valid=not skipped)
    if action in {"add constraint", "validate", "set not null"} and not skipped:
        _read_users(world, recorder, name)
    world.domains[name] = _changed(domain, tree)


_ACTIONS = {
    "T": "set default",
    "N": "drop not null",
    "O": "set not null",
    "C": "add constraint",
    "X": "drop constraint",
    "V": "validate",
}


def _changed(domain: Domain, tree: Node) -> Domain:
    names = domain.constraints
    match tree.subtype:
        case "C":
            added = getattr(tree, "def").constraint.conname or f"unnamed_{len(names)}"
            return replace(domain, constraints=(*names, added))
        case "O":
            return replace(domain, constraints=(*names, "not null"), not_null=True)
        case "N":
            return replace(_without(domain, "not null"), not_null=False)
        case "T":
            new = getattr(tree, "def")
            text = None if syntax.absent(new) else syntax.deparse(new, "expr")
            return replace(domain, default=text)
        case "X":
            return _without(domain, tree.name)
        case _:
            return domain


def _without(domain: Domain, name: str) -> Domain:
    """Drop a constraint; one whose name is not known stands for it."""
    names = list(domain.constraints)
    if name in names:
        names.remove(name)
    elif names:
        names.pop()
    return replace(domain, constraints=tuple(names))


def _read_users(world: World, recorder: Recorder, name: str) -> None:
    for table in world.tables.values():
        if table.kind not in {"r", "m"}:
            continue
        types = [world.type_of_text(c.type) for c in table.columns]
        if any(t and not t.array and _is_or_rests_on(world, t, name) for t in types):
            recorder.lock(table.qualified_name, Lock.S)
            recorder.scan(table.qualified_name, "domain-constraint")


def _is_or_rests_on(world: World, type_: datatypes.TypeRef, name: str) -> bool:
    while type_.name in world.domains:
        if type_.name == name:
            return True
        type_ = world.domains[type_.name].base
    return False


def alter_enum(world: World, tree: Node, recorder: Recorder) -> None:
    name = world.qualify(syntax.strings(tree.type_name))
    if tree.old_val:
        recorder.event("rename_enum_value", name=tree.old_val, new=tree.new_val)
        return
    recorder.event("add_enum_value", name=name, value=tree.new_val)
    if world.in_transaction and name not in world.created:
        world.new_labels.add((name, tree.new_val))


def create_function(world: World, tree: Node, recorder: Recorder) -> None:
    """Remember its volatility and, for SQL, its body."""
    parts = syntax.strings(tree.funcname)
    schema = parts[-2] if len(parts) > 1 else world.search_path[0]
    given = _inputs(tree)
    function = Function(
        schema=schema,
        name=parts[-1],
        arguments=given,
        volatility=_volatility(tree),
        inline=_inline(tree, given),
    )
    others = tuple(
        f
        for f in world.functions.get(parts[-1], ())
        if not tree.replace or (f.schema, f.arguments) != (schema, given)
    )
    world.functions[parts[-1]] = (function, *others)
    recorder.event("create_function", name=parts[-1], replace=tree.replace)


def alter_function(world: World, tree: Node, recorder: Recorder) -> None:
    """A DEFAULT that calls it costs what its volatility says from now on."""
    parts = syntax.strings(tree.func.objname)
    changed = syntax.option(tree.actions, "volatility")
    if changed:
        known = (*world.functions.get(parts[-1], ()), *_built_in(world, parts[-1]))
        world.functions[parts[-1]] = tuple(
            replace(f, volatility=syntax.literal(changed.arg)[0]) for f in known
        )
    recorder.event("other", name="alter_function_stmt")


def _built_in(world: World, name: str) -> tuple[Function, ...]:
    return world.facts.functions.get(name, ())


def _inputs(tree: Node) -> int:
    modes = (n.function_parameter.mode for n in tree.parameters)
    return sum(m not in {pb.FUNC_PARAM_OUT, pb.FUNC_PARAM_TABLE} for m in modes)


def _volatility(tree: Node) -> str:
    found = syntax.option(tree.options, "volatility")
    return (syntax.literal(found.arg) if found else "volatile")[0]


def _inline(tree: Node, inputs: int) -> str | None:
    """Return the expression that the planner would put in its place."""
    options = {n.def_elem.defname for n in tree.options}
    if options & {"set", "security"} or tree.return_type.setof:
        return None
    if inputs and _is_strict(tree):
        return None  # only where its body is strict too
    language = syntax.option(tree.options, "language")
    name = syntax.literal(language.arg) if language else "sql"
    if tree.HasField("sql_body") and not syntax.absent(tree.sql_body):
        return _inline_body(tree.sql_body)
    body = syntax.option(tree.options, "as")
    if body is None:
        return None
    text = "".join(syntax.strings(body.arg.list.items)[:1])
    return expressions.inlined_body(name, text)


def _is_strict(tree: Node) -> bool:
    return syntax.is_on(tree.options, "strict")


def _inline_body(node: Node) -> str | None:
    if syntax.kind(node) != "return_stmt":
        return None
    return syntax.deparse(node.return_stmt.returnval, "expr")
