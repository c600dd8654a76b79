"""Rows on their way to the database: ids reserved, copied, verified."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import connections, transaction
from psycopg import sql

from chores.rewards.models import PointEntry
from chores.rewards.verification import verify_ledger
from chores.scenarios.indexes import without_indexes
from chores.scenarios.keys import without_keys
from chores.tasks.models import ChoreCompletion, Occurrence

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

# Parents first, though every key is deferred: it reads better in a log.
COLUMNS = {
    "accounts_user": "id username email first_name last_name password is_superuser "
    "is_staff is_active date_joined",
    "households_household": "id slug name timezone day_starts_hour week_starts_on "
    "points_name show_leaderboard created_at",
    "households_membership": "id household_id user_id name emoji colour role pin "
    "pin_tries wants_digest joined_on balance earned entries",
    "tasks_chore": "id household_id name emoji area note points schedule rrule "
    "every_days starts_on lead_days assign turn_every needs_approval paused next_on",
    "tasks_choreparticipant": "id household_id chore_id member_id position",
    "tasks_occurrence": "id household_id chore_id due_on slot opens_on due_at "
    "expires_at turn_of_id assignee_id status closed_at spawned_from_id",
    "tasks_chorecompletion": "id household_id occurrence_id chore_id member_id "
    "recorded_by_id reviewed_by_id reviewed_at state done_at done_on on_time points "
    "note created_at",
    "rewards_achievement": "id household_id code name emoji metric threshold bonus "
    "active",
    "rewards_userachievement": "id household_id member_id achievement_id value "
    "awarded_at",
    "rewards_reward": "id household_id name emoji cost needs_approval",
    "rewards_redemption": "id household_id reward_id member_id cost state created_at",
    "rewards_pointentry": "id household_id member_id seq balance_after earned_delta "
    "day kind amount completion_id redemption_id badge_id reverses_id note created_at",
}
# Their indexes are made after a load, where there was little in them before.
BIG = (Occurrence, ChoreCompletion, PointEntry)
LOCK = 0x7365656473
# For one transaction: what joins and sorts of millions of rows need.
MEMORY = {"maintenance_work_mem": "256MB", "work_mem": "128MB"}
# What str() makes of None, so that a row becomes text without a look at each value.
NULL = "None"


class Ids:
    """The next id of each table; reserved in the database when a batch is stored."""

    def __init__(self, following: dict[str, int]) -> None:
        self.counters = {table: itertools.count(n) for table, n in following.items()}

    def take(self, table: str) -> int:
        return next(self.counters[table])

    def following(self) -> dict[str, int]:
        """Return the ids that come next."""
        following = {table: next(ids) for table, ids in self.counters.items()}
        self.counters = {table: itertools.count(n) for table, n in following.items()}
        return following


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A batch on its way: COPY's text by table, and what is to be done after it."""

    texts: dict[str, bytes]
    rows: Counter[str]
    following: dict[str, int]
    members: list[int]
    balances: list[tuple[int, int, int, int]]


@dataclass(slots=True)
class Batch:
    """Lines of COPY's text format by table, and final figures of known members."""

    ids: Ids
    lines: dict[str, list[str]] = field(
        default_factory=lambda: {table: [] for table in COLUMNS}
    )
    balances: list[tuple[int, int, int, int]] = field(default_factory=list)
    members: list[int] = field(default_factory=list)

    def add(self, table: str, *values: object) -> None:
        """Add a row of plain values; those with tabs or newlines do not occur."""
        self.lines[table].append("\t".join(map(str, values)) + "\n")

    def count(self) -> int:
        return sum(len(lines) for lines in self.lines.values())

    def pack(self) -> Parcel:
        """Return what is to be stored, with the ids that come after it."""
        filled = {table: lines for table, lines in self.lines.items() if lines}
        following = self.ids.following()
        return Parcel(
            texts={table: "".join(lines).encode() for table, lines in filled.items()},
            rows=Counter({table: len(lines) for table, lines in filled.items()}),
            following={table: following[table] for table in filled},
            members=self.members,
            balances=self.balances,
        )


def next_ids(alias: str) -> dict[str, int]:
    """Return the ids that follow those given out so far."""
    with connections[alias].cursor() as cursor:
        return {table: next_id(cursor, table) for table in COLUMNS}


def next_id(cursor: CursorWrapper, table: str) -> int:
    cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table])
    (number,) = cursor.fetchone() or (1,)
    return int(number)


class UnbalancedError(Exception):
    """The seeder's balances are not what the ledger says; nothing was stored."""


def store(parcels: Iterator[Parcel], *, alias: str) -> Iterator[Counter[str]]:
    """Copy parcels in one transaction; yield the rows by table of each.

    Where there is none, no table is locked.
    Raises UnbalancedError when the ledger of any member does not hold.
    """
    first = next(parcels, None)
    if first is None:
        return
    members: list[int] = []
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        for setting, value in {**MEMORY, "chores.load": "on"}.items():
            cursor.execute("SELECT set_config(%s, %s, true)", [setting, value])
        with without_keys(cursor, list(COLUMNS)), without_indexes(alias, BIG):
            for parcel in itertools.chain([first], parcels):
                copy_parcel(cursor, parcel)
                members += parcel.members
                yield parcel.rows
        if wrong := verify_ledger(alias=alias, members=members):
            raise UnbalancedError(wrong[0].problems)
        cursor.execute("SELECT set_config('chores.load', 'off', true)")


def copy_parcel(cursor: CursorWrapper, parcel: Parcel) -> None:
    """Copy one parcel, and let ordinary inserts go on after it."""
    for table, text in parcel.texts.items():
        copy(cursor, table, text)
        reserve(cursor, table, parcel.following[table])
    write_balances(cursor, parcel.balances)


def copy(cursor: CursorWrapper, table: str, text: bytes) -> None:
    """Stream lines into a table."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (NULL {})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table].split())),
        sql.Literal(NULL),
    )
    with cursor.copy(statement) as stream:
        stream.write(text)


def reserve(cursor: CursorWrapper, table: str, following: int) -> None:
    """Let ordinary inserts go on after the copied rows."""
    cursor.execute(
        "SELECT setval(pg_get_serial_sequence(%s, 'id'), %s, false)", [table, following]
    )


def write_balances(
    cursor: CursorWrapper, balances: list[tuple[int, int, int, int]]
) -> None:
    """Give members that existed before their final figures."""
    cursor.executemany(
        "UPDATE households_membership SET balance = %s, earned = %s, entries = %s"
        " WHERE id = %s",
        balances,
    )
