"""Rows on their way to the database: ids reserved, copied, verified."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db import connections, transaction
from psycopg import sql

from chores.rewards.verification import verify_ledger
from chores.scenarios.keys import without_keys

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
LOCK = 0x7365656473
# What str() makes of None, so that a row becomes text without a look at each value.
NULL = "None"


@dataclass(slots=True)
class Ids:
    """The next id of each table; reserved in the database when a batch is stored."""

    following: dict[str, int]

    def take(self, table: str) -> int:
        number = self.following[table]
        self.following[table] = number + 1
        return number


@dataclass(slots=True)
class Batch:
    """Lines of COPY's text format by table, and final figures of known members."""

    ids: Ids
    lines: dict[str, list[str]] = field(
        default_factory=lambda: {table: [] for table in COLUMNS}
    )
    balances: list[tuple[int, int, int, int]] = field(default_factory=list)
    members: list[int] = field(default_factory=list)
    following: dict[str, int] = field(default_factory=dict)

    def close(self) -> Batch:
        """Remember which ids come after this batch; return it."""
        self.following = dict(self.ids.following)
        return self

    def add(self, table: str, *values: object) -> None:
        """Add a row of plain values; those with tabs or newlines do not occur."""
        self.lines[table].append("\t".join(map(str, values)) + "\n")

    def count(self) -> int:
        return sum(len(lines) for lines in self.lines.values())


def next_ids(alias: str) -> Ids:
    """Return the ids that follow those given out so far."""
    with connections[alias].cursor() as cursor:
        return Ids({table: next_id(cursor, table) for table in COLUMNS})


def next_id(cursor: CursorWrapper, table: str) -> int:
    cursor.execute("SELECT nextval(pg_get_serial_sequence(%s, 'id'))", [table])
    (number,) = cursor.fetchone() or (1,)
    return int(number)


class UnbalancedError(Exception):
    """The seeder's balances are not what the ledger says; nothing was stored."""


def store(batches: Iterator[Batch], *, alias: str) -> Iterator[Counter[str]]:
    """Copy batches in one transaction; yield the rows by table of each.

    Where there is none, no table is locked.
    Raises UnbalancedError when the ledger of any member does not hold.
    """
    first = next(batches, None)
    if first is None:
        return
    members: list[int] = []
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute("SELECT set_config('chores.load', 'on', true)")
        with without_keys(cursor, list(COLUMNS)):
            for batch in itertools.chain([first], batches):
                yield copy_batch(cursor, batch)
                members += batch.members
        if wrong := verify_ledger(alias=alias, members=members):
            raise UnbalancedError(wrong[0].problems)
        cursor.execute("SELECT set_config('chores.load', 'off', true)")


def copy_batch(cursor: CursorWrapper, batch: Batch) -> Counter[str]:
    """Copy one batch; return its rows by table."""
    for table, lines in batch.lines.items():
        if lines:
            copy(cursor, table, lines)
            reserve(cursor, table, batch.following[table])
    write_balances(cursor, batch.balances)
    return Counter({table: len(rows) for table, rows in batch.lines.items() if rows})


def copy(cursor: CursorWrapper, table: str, lines: Iterable[str]) -> None:
    """Stream lines into a table."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN WITH (NULL {})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, COLUMNS[table].split())),
        sql.Literal(NULL),
    )
    with cursor.copy(statement) as stream:
        stream.write("".join(lines))


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
