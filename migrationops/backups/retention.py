"""Which backups to keep: the last ones before migrations, and grandfather-father-son.

Pure. Only proven backups count towards a number; the newest proven one is kept in
any case, and so is whatever a failed or open run may still want.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime

from migrationops.backups.manifest import Manifest
from migrationops.conf import Proof
from migrationops.exceptions import ConfigurationError

_NEEDED = "an unfinished or failed run refers to it"
_YOUNG = "its standby is paused, and not for long"
_PAUSE = 24 * 3600.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How many to keep; `days` keeps everything that is younger."""

    last: int = 10
    days: int = 14
    daily: int = 7
    weekly: int = 5
    monthly: int = 12

    def check(self) -> None:
        """Refuse a policy under which everything could go."""
        if not any(getattr(self, f.name) for f in fields(self)):
            raise ConfigurationError(
                "A retention of nothing would delete every backup; nothing was "
                "changed.",
                remedy="Keep at least some: --last, --days, --daily, ...",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A backup that stays, and why."""

    id: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiry:
    """What a retention keeps and what it lets go, oldest first; restore points last."""

    kept: tuple[Kept, ...]
    expired: tuple[str, ...]


def choose(
    backups: Iterable[Manifest],
    retention: Retention,
    *,
    now: datetime,
    needed_runs: frozenset[str] = frozenset(),
    lasting_runs: frozenset[str] = frozenset(),
    pause: float = _PAUSE,
) -> Expiry:
    """Decide for the backups of one database.

    Unproven backups stay while they are younger than `days`, or a run needs them.
    Restore points count by themselves: what they build on is not ours to keep, so
    that a day's point is no reason to let the day's dump go. A dump of some tables
    goes with the restore points of its run; `lasting_runs` have some which are not
    among `backups`. A standby is paused for `pause` seconds, unless a run needs it.
    """
    retention.check()
    ordered = sorted(backups, key=lambda m: m.started)
    points = [m for m in ordered if m.point is not None]
    whole = [m for m in ordered if not (m.is_of_cluster or m.part)]
    found = [_choose(some, retention, now, needed_runs) for some in (whole, points)]
    young = frozenset(
        m.id for m in ordered if (now - m.started).total_seconds() < pause
    )
    found.append(_hold([m for m in ordered if m.pause], young, needed_runs))
    stay = {kept.id for each in found[1:] for kept in each.kept}
    runs = lasting_runs | {m.run for m in ordered if m.id in stay}
    parts = [m for m in ordered if m.part is not None]
    found.append(_follow(parts, runs, needed_runs))
    return Expiry(
        kept=tuple(kept for each in found for kept in each.kept),
        expired=tuple(identifier for each in found for identifier in each.expired),
    )


def _hold(
    pauses: Iterable[Manifest], young: frozenset[str], needed: frozenset[str]
) -> Expiry:
    found = list(pauses)
    reasons = {m.id: (_YOUNG,) for m in found if m.id in young}
    reasons |= {m.id: (_NEEDED,) for m in found if m.run in needed}
    return Expiry(
        kept=tuple(Kept(id=i, reasons=why) for i, why in reasons.items()),
        expired=tuple(m.id for m in found if m.id not in reasons),
    )


def _follow(
    parts: Iterable[Manifest], lasting: frozenset[str], needed: frozenset[str]
) -> Expiry:
    reasons = dict.fromkeys(needed, (_NEEDED,))
    reasons |= dict.fromkeys(lasting, ("belongs to a restore point that stays",))
    found = list(parts)
    return Expiry(
        kept=tuple(
            Kept(id=m.id, reasons=reasons[m.run]) for m in found if m.run in reasons
        ),
        expired=tuple(m.id for m in found if m.run not in reasons),
    )


def _choose(
    backups: Iterable[Manifest],
    retention: Retention,
    now: datetime,
    needed_runs: frozenset[str],
) -> Expiry:
    ordered = sorted(backups, key=lambda m: m.started, reverse=True)
    proven = [m for m in ordered if m.proof.level > Proof.NONE]
    reasons: dict[str, list[str]] = {m.id: [] for m in ordered}
    for manifest in ordered:
        if (now - manifest.started).days < retention.days:
            reasons[manifest.id].append(f"younger than {retention.days} days")
        if manifest.run in needed_runs:
            reasons[manifest.id].append(_NEEDED)
    for manifest in proven[:1]:
        reasons[manifest.id].append("the newest proven one")
    for manifest in proven[: retention.last]:
        reasons[manifest.id].append(f"one of the last {retention.last}")
    for name, count, period in _periods(retention):
        for manifest in _newest_of_each(proven, period)[:count]:
            reasons[manifest.id].append(name)
    ordered.reverse()
    return Expiry(
        kept=tuple(
            Kept(id=m.id, reasons=tuple(reasons[m.id]))
            for m in ordered
            if reasons[m.id]
        ),
        expired=tuple(m.id for m in ordered if not reasons[m.id]),
    )


Period = Callable[[datetime], tuple[int, ...]]


def _periods(retention: Retention) -> tuple[tuple[str, int, Period], ...]:
    return (
        ("daily", retention.daily, lambda at: (at.year, at.month, at.day)),
        ("weekly", retention.weekly, lambda at: tuple(at.isocalendar())[:2]),
        ("monthly", retention.monthly, lambda at: (at.year, at.month)),
    )


def _newest_of_each(backups: Iterable[Manifest], period: Period) -> list[Manifest]:
    """Return the newest backup of each period, newest period first."""
    found: dict[tuple[int, ...], Manifest] = {}
    for manifest in backups:
        found.setdefault(period(manifest.started), manifest)
    return list(found.values())
