"""What the simulation must know of a server beside its schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

VOLATILE = "v"


def _words(text: str) -> list[str]:
    return text.split()


# Built-in functions that stay volatile after planning: enough for a DEFAULT when no
# server can be asked. (pg_proc.provolatile = 'v')
_VOLATILE_NAMES = _words(
    "random random_normal clock_timestamp timeofday gen_random_uuid uuidv4 uuidv7 "
    "nextval currval lastval setval uuid_generate_v1 uuid_generate_v1mc "
    "uuid_generate_v4 gen_random_bytes gen_salt pg_advisory_lock pg_sleep"
)
_STEADY_NAMES = _words(
    "now transaction_timestamp statement_timestamp timezone date_trunc date_part "
    "to_char to_date to_timestamp to_number lower upper length char_length trim btrim "
    "ltrim rtrim substring substr replace concat concat_ws format left right md5 "
    "sha256 encode decode abs round floor ceil ceiling sqrt power mod greatest least "
    "coalesce nullif array_length array_append cardinality unnest jsonb_build_object "
    "jsonb_build_array json_build_object to_jsonb to_json make_interval make_date "
    "make_timestamp current_setting age extract position to_tsvector setweight "
    "int4range int8range numrange tsrange tstzrange daterange regexp_replace "
    "string_to_array array_to_string chr ascii repeat reverse split_part pg_typeof "
    "current_database current_schema version txid_current_if_assigned xmlparse "
    "array_fill hashtext host family masklen network strpos date timestamptz "
    "justify_interval bit_length octet_length jsonb_array_length overlay initcap lpad "
    "rpad translate sign exp ln log pi trunc date_bin isfinite justify_days "
    "interval text varchar timestamp numeric int4 int8 float8"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function; `inline` is the expression that the planner puts in its place."""

    schema: str
    name: str
    arguments: int = 0
    volatility: str = VOLATILE
    inline: str | None = None


Functions = Mapping[str, tuple[Function, ...]]


def _named(names: list[str], volatility: str) -> dict[str, tuple[Function, ...]]:
    return {
        name: (Function(schema="pg_catalog", name=name, volatility=volatility),)
        for name in names
    }


BUILT_IN_FUNCTIONS: Functions = _named(_STEADY_NAMES, "s") | _named(
    _VOLATILE_NAMES, VOLATILE
)

# pg_cast's binary-coercible pairs (castmethod = 'b') of a plain server.
BUILT_IN_COERCIBLE = frozenset(
    {
        ("text", "varchar"),
        ("varchar", "text"),
        ("text", "bpchar"),
        ("varchar", "bpchar"),
        ("cidr", "inet"),
        ("bit", "varbit"),
        ("varbit", "bit"),
        ("xml", "text"),
        ("xml", "varchar"),
        ("xml", "bpchar"),
        ("int4", "oid"),
        ("oid", "int4"),
        ("oid", "regclass"),
        ("regclass", "oid"),
        ("int4", "regclass"),
        ("regclass", "int4"),
    }
)

# Default operator classes by access method and type, where a free change of type
# could keep them; any other type has its own.
BUILT_IN_OPCLASSES: dict[tuple[str, str], str] = {
    ("btree", "text"): "text_ops",
    ("btree", "bpchar"): "bpchar_ops",
    ("btree", "inet"): "inet_ops",
    ("hash", "text"): "text_ops",
    ("hash", "bpchar"): "bpchar_ops",
    ("hash", "inet"): "inet_ops",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A server's version, settings, functions and casts; defaults without one."""

    version: int = 18
    number: int = 180000  # server_version_num
    timezone: str = "UTC"
    functions: Functions = field(default_factory=lambda: dict(BUILT_IN_FUNCTIONS))
    coercible: frozenset[tuple[str, str]] = BUILT_IN_COERCIBLE
    castable: frozenset[tuple[str, str]] = frozenset()  # casts in whatever context
    strings: frozenset[str] = frozenset({"text", "varchar", "bpchar", "name"})
    assignable: frozenset[tuple[str, str]] = frozenset()  # casts by assignment
    implicit: frozenset[tuple[str, str]] = frozenset()
    opclasses: Mapping[tuple[str, str], str] = field(
        default_factory=lambda: dict(BUILT_IN_OPCLASSES)
    )
    types: frozenset[str] = frozenset()  # user types that the catalog does not list
    live: bool = False  # read from a server

    def opclass(self, method: str, type_name: str) -> str | None:
        """Return the default operator class of an index on this type.

        None when there is none, or when it cannot be known without a server.
        """
        casts = self.coercible & self.implicit if self.live else self.coercible
        targets = sorted(t for s, t in casts if s == type_name)
        preferred = [t for t in _PREFERRED if t in targets]
        for name in [type_name, *preferred, *targets]:
            if found := self.opclasses.get((method, name)):
                return found
        return None


# Binary-coercible targets that pg_type calls preferred in their category.
_PREFERRED = ("text", "oid", "inet", "varbit")

DEFAULT = Facts()
