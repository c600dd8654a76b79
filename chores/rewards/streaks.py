"""Day streaks: consecutive days with something due that ended all done.

Days with nothing due, skipped items and absences are transparent; a missed item
ends a streak, unless the member was away that day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connections, router

from chores.households.models import Membership

if TYPE_CHECKING:
    from chores.tasks.models import Chore

STREAKS = """
WITH days AS (
  SELECT o.due_on,
         bool_or(o.status = 'done') AS done,
         bool_or(o.status = 'missed' AND NOT EXISTS (
           SELECT 1 FROM households_absence AS a
            WHERE a.member_id = o.assignee_id AND a.days @> o.due_on
         )) AS missed
    FROM tasks_occurrence AS o
   WHERE o.assignee_id = %(member)s AND o.status IN ('done', 'missed')
     AND (%(chore)s::bigint IS NULL OR o.chore_id = %(chore)s)
   GROUP BY o.due_on
), runs AS (
  SELECT done AND NOT missed AS counts,
         count(*) FILTER (WHERE missed) OVER (ORDER BY due_on) AS run
    FROM days
), streaks AS (
  SELECT run, count(*) FILTER (WHERE counts) AS length FROM runs GROUP BY run
)
SELECT coalesce((array_agg(length ORDER BY run DESC))[1], 0), coalesce(max(length), 0)
  FROM streaks
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Streaks:
    """Lengths in days that had something due."""

    current: int
    longest: int


def streaks(member: Membership, chore: Chore | None = None) -> Streaks:
    """Return a member's streaks, of one chore or all."""
    parameters = {"member": member.pk, "chore": None if chore is None else chore.pk}
    with connections[router.db_for_read(Membership)].cursor() as cursor:
        cursor.execute(STREAKS, parameters)
        current, longest = cursor.fetchone() or (0, 0)
    return Streaks(current=current, longest=longest)
