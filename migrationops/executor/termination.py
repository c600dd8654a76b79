"""Whom a run may end, who stands in its way: nobody, unless a rule names them."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import errors

from migrationops.exceptions import ConfigurationError
from migrationops.postgres.activity import Other
from migrationops.postgres.databases import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Termination:
    """The rule by which a blocker may be ended: idle in a transaction for too long."""

    idle_seconds: float

    @classmethod
    def parse(cls, text: str) -> Termination:
        """Read `idle:SECONDS`; raise ConfigurationError for anything else."""
        kind, _, seconds = text.partition(":")
        if kind != "idle" or not seconds.replace(".", "", 1).isdigit():
            raise ConfigurationError(
                f"{text!r} is no rule for ending blockers.",
                remedy="Write idle:SECONDS, as idle:60.",
            )
        return cls(idle_seconds=float(seconds))

    def names(self, other: Other) -> bool:
        """Whether this session may be ended; one whose age is hidden may not."""
        idle = other.state.startswith("idle in transaction")
        return idle and (other.seconds or 0.0) >= self.idle_seconds

    def end(self, connection: Connection, other: Other) -> str:
        """End the session if the rule names it; return what is to be told of it."""
        if not other.pid or not self.names(other):
            return ""
        try:
            connection.execute("SELECT pg_terminate_backend(%s)", [other.pid])
        except errors.InsufficientPrivilege:
            return f"this role may not end {other}, which blocks us"
        return f"ended {other}, which blocked us"
