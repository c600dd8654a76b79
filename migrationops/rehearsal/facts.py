"""What one statement did: the difference between two observations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from migrationops.postgres.table_locks import Lock
from migrationops.rehearsal.observation import Counts, Observation, Relation

_WITH_ROWS = "rmpi"  # tables, materialised views, indexes; a sequence holds one row


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a statement did to relations that were there before it.

    Names are those before the statement. `locks` are new ones, where stronger than
    what the transaction `held`. Nobody sees `new` relations, which it made itself.
    `scanned` tables were read row by row, `visited` ones would have been, had they
    had rows. `alone`: the statement commits by itself, so its locks were sampled and
    its reads are not known.
    """

    locks: dict[str, Lock]
    held: dict[str, Lock]
    rewritten: tuple[str, ...]
    scanned: dict[str, int]  # rows read
    visited: tuple[str, ...]
    written: dict[str, int]  # rows inserted, updated, deleted
    new: tuple[str, ...] = ()
    created: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    seconds: float = 0.0
    wal_bytes: int = 0
    alone: bool = False
    blocks: bool | None = False

    @property
    def strong(self) -> set[str]:
        """The relations that were closed to writers while the statement ran."""
        return {
            name
            for held in (self.held, self.locks)
            for name, lock in held.items()
            if lock.blocks_writes
        }

    @property
    def touched(self) -> set[str]:
        """The relations whose definition this statement may have changed."""
        return set(self.created) | {
            name
            for held in (self.held, self.locks)
            for name, lock in held.items()
            if lock >= Lock.SUX
        }

    @property
    def worked_on(self) -> set[str]:
        """The relations that were rewritten or read while closed to writers."""
        worked_on = (set(self.rewritten) | set(self.scanned)) & self.strong
        return worked_on - set(self.new)

    def to_json(self) -> dict[str, Any]:
        return {
            "locks": {name: lock.name for name, lock in sorted(self.locks.items())},
            "held": {name: lock.name for name, lock in sorted(self.held.items())},
            "rewritten": list(self.rewritten),
            "scanned": self.scanned,
            "visited": list(self.visited),
            "written": self.written,
            "new": list(self.new),
            "created": list(self.created),
            "dropped": list(self.dropped),
            "blocks": self.blocks,
            "alone": self.alone,
            "seconds": round(self.seconds, 6),
            "wal_bytes": self.wal_bytes,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Facts:
        return cls(
            **{
                **data,
                "locks": {n: Lock[m] for n, m in data["locks"].items()},
                "held": {n: Lock[m] for n, m in data["held"].items()},
                **{key: tuple(data.get(key, ())) for key in _NAMES},
            }
        )


_NAMES = ("rewritten", "visited", "new", "created", "dropped")


def between(
    before: Observation,
    after: Observation,
    *,
    seconds: float,
    old: Container[int] | None = None,
) -> Facts:
    """Return what happened between two observations of one transaction.

    `old`: the relations that the transaction did not make; None for all.
    """
    known = before.relations
    reads = _reads(before, after)
    facts = Facts(
        locks=_named(_new_locks(before, after), known),
        held=_named(before.locks, known),
        rewritten=rewritten(before, after),
        scanned=_positive({oid: c.read for oid, c in reads.items()}, known),
        visited=tuple(_positive({oid: c.scans for oid, c in reads.items()}, known)),
        written=_positive({oid: c.written for oid, c in reads.items()}, known),
        new=_new(before, old),
        created=_only(after, before),
        dropped=_only(before, after),
        seconds=seconds,
        wal_bytes=after.wal - before.wal,
    )
    return replace(facts, blocks=bool(facts.worked_on))


def _new(before: Observation, old: Container[int] | None) -> tuple[str, ...]:
    if old is None:
        return ()
    relations = before.relations.items()
    return tuple(sorted(r.name for oid, r in relations if oid not in old))


def rewritten(before: Observation, after: Observation) -> tuple[str, ...]:
    """Return the relations whose rows are in a new file."""
    return tuple(
        sorted(
            relation.name
            for oid, relation in before.relations.items()
            if relation.kind in _WITH_ROWS
            and oid in after.relations
            and after.relations[oid].file != relation.file
        )
    )


def committed_alone(
    before: Observation, after: Observation, *, seconds: float, concurrent: bool
) -> Facts:
    """Return what a statement did that commits by itself.

    `after` holds the locks that were sampled meanwhile. A new file needs ACCESS
    EXCLUSIVE. Reads count for all that the server did; whether a table was closed
    to writers meanwhile is known for CONCURRENTLY only, which never does.
    """
    facts = between(before, after, seconds=seconds)
    if facts.rewritten:
        blocks: bool | None = True
    elif concurrent or not facts.scanned:
        blocks = False
    else:
        blocks = bool(facts.worked_on) or None
    return replace(facts, scanned={}, visited=(), alone=True, blocks=blocks)


def merged(parts: Sequence[Facts]) -> Facts | None:
    """Return what several statements did together."""
    if not parts:
        return None
    blocks = [p.blocks for p in parts]
    return Facts(
        locks=_most([p.locks for p in parts]),
        held=parts[0].held,
        rewritten=_union(p.rewritten for p in parts),
        scanned=_total([p.scanned for p in parts]),
        visited=_union(p.visited for p in parts),
        written=_total([p.written for p in parts]),
        new=_union(p.new for p in parts),
        created=_union(p.created for p in parts),
        dropped=_union(p.dropped for p in parts),
        seconds=sum(p.seconds for p in parts),
        wal_bytes=sum(p.wal_bytes for p in parts),
        alone=any(p.alone for p in parts),
        blocks=True if True in blocks else None if None in blocks else False,
    )


def _union(parts: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for part in parts for name in part}))


def _most(parts: Iterable[dict[str, Lock]]) -> dict[str, Lock]:
    found: dict[str, Lock] = {}
    for part in parts:
        for name, lock in part.items():
            found[name] = max(lock, found.get(name, lock))
    return found


def _total(parts: Iterable[dict[str, int]]) -> dict[str, int]:
    return dict(sum((Counter(part) for part in parts), Counter()))


def _new_locks(before: Observation, after: Observation) -> dict[int, Lock]:
    return {
        oid: lock
        for oid, lock in after.locks.items()
        if lock > before.locks.get(oid, Lock.AS)
    }


def _reads(before: Observation, after: Observation) -> dict[int, Counts]:
    none = Counts()
    return {
        oid: Counts(
            now.scans - before.counts.get(oid, none).scans,
            now.read - before.counts.get(oid, none).read,
            now.written - before.counts.get(oid, none).written,
        )
        for oid, now in after.counts.items()
    }


def _named(locks: Mapping[int, Lock], known: Mapping[int, Relation]) -> dict[str, Lock]:
    return {known[oid].name: lock for oid, lock in locks.items() if oid in known}


def _positive(
    counts: Mapping[int, int], known: Mapping[int, Relation]
) -> dict[str, int]:
    return {
        known[oid].name: count
        for oid, count in counts.items()
        if count > 0 and oid in known
    }


def _only(here: Observation, not_there: Observation) -> tuple[str, ...]:
    return tuple(
        sorted(
            relation.name
            for oid, relation in here.relations.items()
            if oid not in not_there.relations
        )
    )
