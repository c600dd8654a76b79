"""A new column, read whole: what it declares and what it costs on old rows."""

from __future__ import annotations

from dataclasses import dataclass

from postgast import pg_query_pb2 as pb

from migrationops.lint.simulation import datatypes, expressions, syntax
from migrationops.lint.simulation.datatypes import TypeRef
from migrationops.lint.simulation.syntax import Node
from migrationops.lint.simulation.world import World
from migrationops.schema import Column


@dataclass(frozen=True, slots=True, kw_only=True)
class NewColumn:
    """A ColumnDef read whole: what it declares and what it costs on old rows."""

    column: Column
    type: TypeRef
    serial: bool
    volatile: bool | None  # of its default
    has_value: bool  # old rows get the default without a rewrite
    constraints: tuple[Node, ...]

    def rewrite_cause(self, world: World) -> str | None:
        """Say why adding it rewrites the table, None when it does not."""
        if self.serial:
            return "add-column-serial"
        if self.column.identity:
            return "add-column-identity"
        if self.column.generated == "s":
            return "add-column-generated-stored"
        if self.volatile:
            return "add-column-volatile-default"
        if datatypes.is_constrained(self.type, world.domains):
            return "add-column-constrained-domain"
        return None


def read_column(world: World, node: Node) -> NewColumn:
    """Read a ColumnDef."""
    nodes = [n.constraint for n in node.constraints]
    by_type = {c.contype: c for c in nodes}
    default = by_type.get(pb.CONSTR_DEFAULT)
    generated = by_type.get(pb.CONSTR_GENERATED)
    serial = datatypes.is_serial(node.type_name)
    identity = by_type.get(pb.CONSTR_IDENTITY)
    type_ = world.type_of(node.type_name)
    expression = _expression(world, default or generated, type_)
    null = expression is None or syntax.is_null(expression)
    not_null = bool({pb.CONSTR_NOTNULL, pb.CONSTR_PRIMARY} & by_type.keys())
    return NewColumn(
        column=Column(
            name=node.colname,
            type=str(type_),
            nullable=not (not_null or serial or identity),
            default="nextval()" if serial else _text(expression),
            identity=identity.generated_when if identity else "",
            generated=(generated.generated_kind or "s") if generated else "",
            collation=syntax.collation(node),
        ),
        type=type_,
        serial=serial,
        volatile=False if expression is None else _volatile(expression, world),
        has_value=not null,
        constraints=tuple(nodes),
    )


def _expression(world: World, source: Node | None, type_: TypeRef) -> Node | None:
    """Return what fills the column: its own expression, or its domain's default."""
    if source:
        return source.raw_expr
    default = datatypes.domain_default(type_, world.domains)
    return syntax.expression(default) if default else None


def _volatile(expression: Node, world: World) -> bool | None:
    return expressions.is_volatile(expression, world)


def _text(expression: Node | None) -> str | None:
    return None if expression is None else syntax.deparse(expression, "expr")
