"""Proving that balances are what the ledger says, set-based and read-only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections

QUERY = """
WITH entries AS (
  SELECT e.*,
         row_number() OVER w AS place,
         sum(amount) OVER w AS running
    FROM rewards_pointentry AS e
   WHERE %(everyone)s OR e.member_id = ANY (%(members)s)
  WINDOW w AS (PARTITION BY member_id ORDER BY seq)
), ledger AS (
  SELECT member_id, count(*) AS entries, sum(amount) AS balance,
         sum(earned_delta) AS earned,
         bool_and(place = seq) AS in_sequence,
         bool_and(running = balance_after) AS runs,
         bool_and(kind <> 'redeem' OR balance_after >= 0) AS covered
    FROM entries GROUP BY member_id
), reversals AS (
  SELECT r.member_id, count(*) AS wrong
    FROM entries AS r
    JOIN rewards_pointentry AS o ON o.id = r.reverses_id
   WHERE r.amount <> -o.amount OR r.member_id <> o.member_id
      OR r.day <> o.day OR r.earned_delta <> -o.earned_delta
   GROUP BY r.member_id
), judged AS (
  SELECT m.id, m.household_id, concat_ws(', ',
    CASE WHEN m.balance <> coalesce(l.balance, 0) THEN
      format('balance is %%s, entries say %%s', m.balance, coalesce(l.balance, 0)) END,
    CASE WHEN m.earned <> coalesce(l.earned, 0) THEN
      format('earned is %%s, entries say %%s', m.earned, coalesce(l.earned, 0)) END,
    CASE WHEN m.entries <> coalesce(l.entries, 0) THEN
      format('%%s entries counted, %%s found', m.entries, coalesce(l.entries, 0)) END,
    CASE WHEN NOT l.in_sequence THEN 'the sequence has gaps' END,
    CASE WHEN NOT l.runs THEN 'a running balance is wrong' END,
    CASE WHEN NOT l.covered THEN 'a redemption overdrew' END,
    CASE WHEN r.wrong > 0 THEN 'a reversal does not mirror its entry' END
  ) AS problems
    FROM households_membership AS m
    LEFT JOIN ledger AS l ON l.member_id = m.id
    LEFT JOIN reversals AS r ON r.member_id = m.id
   WHERE %(everyone)s OR m.id = ANY (%(members)s)
)
SELECT household_id, id, problems FROM judged WHERE problems <> '' ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discrepancy:
    """A member whose balance and ledger disagree, and how."""

    household: int
    member: int
    problems: str


def verify_ledger(
    *, alias: str = "default", members: Sequence[int] | None = None
) -> list[Discrepancy]:
    """Return the members, all or some, whose ledger does not hold."""
    parameters: dict[str, Any] = {
        "everyone": members is None,
        "members": list(members or ()),
    }
    with connections[alias].cursor() as cursor:
        cursor.execute(QUERY, parameters)
        rows = cursor.fetchall()
    return [Discrepancy(household=h, member=m, problems=p) for h, m, p in rows]
