"""Every service as something that many may call at once, by ids alone.

`ready` makes what the service needs and returns the call's arguments; `call` may run
in any thread or process.
"""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection

from chores.accounts import tokens
from chores.accounts.models import User
from chores.households import absences, members
from chores.households.models import Absence, Membership, Role
from chores.rewards import ledger, shop
from chores.rewards.models import PointEntry, Reward
from chores.tasks import assignments, chores, completions, reviews, skips
from chores.tasks.completions import Attempt
from chores.tasks.models import Occurrence
from chores.tasks.undo import undo
from tests.factories import UserFactory
from tests.home import Home

NONCE = uuid.UUID(int=7)
# What there is, by state: the same for one caller as for many.
STATE = """
SELECT 'occurrence', status, count(*), count(assignee_id) FROM tasks_occurrence
 GROUP BY 1, 2
UNION ALL SELECT 'completion', state, count(*), 0 FROM tasks_chorecompletion
 GROUP BY 1, 2
UNION ALL SELECT 'entry', kind, count(*), sum(amount) FROM rewards_pointentry
 GROUP BY 1, 2
UNION ALL SELECT 'redemption', state, count(*), sum(cost) FROM rewards_redemption
 GROUP BY 1, 2
UNION ALL SELECT 'stock', name, count(*), sum(stock) FROM rewards_reward GROUP BY 1, 2
UNION ALL SELECT 'member', role, count(*), count(left_at) FROM households_membership
 GROUP BY 1, 2
UNION ALL SELECT 'login', role, count(user_id), sum(pin_tries)
  FROM households_membership GROUP BY 1, 2
UNION ALL SELECT 'points', name, balance, earned FROM households_membership
UNION ALL SELECT 'absence', '', count(*), 0 FROM households_absence
UNION ALL SELECT 'badge', '', count(*), count(revoked_at) FROM rewards_userachievement
UNION ALL SELECT 'token', purpose, count(*), sum(uses_left)
  FROM accounts_verificationtoken GROUP BY 1, 2
UNION ALL SELECT 'chore', name, count(archived_at), count(*) FILTER (WHERE paused)
  FROM tasks_chore GROUP BY 1, 2
 ORDER BY 1, 2, 3, 4
"""


def state() -> list[tuple[Any, ...]]:
    """Return what there is of everything, by its state."""
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        return cursor.fetchall()


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A service, and whether a caller who is too late gets the first answer."""

    ready: Callable[[Home], tuple[Any, ...]]
    call: Callable[..., object]
    same_answer: bool = False


def member(pk: int) -> Membership:
    return Membership.objects.get(pk=pk)


def attempt(pk: int, nonce: uuid.UUID | None = None) -> Attempt:
    return Attempt(member=member(pk), actor=member(pk), nonce=nonce)


def opened(home: Home, **fields: Any) -> tuple[int, int]:
    return home.occurrence(**fields).pk, home.bo.pk


def claimed(home: Home) -> tuple[int, int]:
    occurrence = home.occurrence()
    assignments.claim(occurrence.pk, home.bo, actor=home.bo)
    return occurrence.pk, home.bo.pk


def completed(home: Home, **fields: Any) -> tuple[int, int]:
    occurrence = home.occurrence(**fields)
    done = completions.complete(occurrence.pk, attempt(home.cy.pk))
    return done.pk, home.ann.pk


def submitted(home: Home) -> tuple[int, int]:
    return completed(home, needs_approval=True)


def skipped(home: Home) -> tuple[int, int]:
    occurrence = home.occurrence()
    skips.skip(occurrence.pk, actor=home.ann)
    return occurrence.pk, home.ann.pk


def missed(home: Home) -> tuple[int, int, int]:
    occurrence = home.occurrence()
    now = datetime.datetime.now(datetime.UTC)
    rows = Occurrence.objects.filter(pk=occurrence.pk)
    rows.update(status="missed", closed_at=now)
    return occurrence.pk, home.cy.pk, home.ann.pk


def anytime(home: Home) -> tuple[int, int]:
    return home.chore(schedule="anytime", max_per_day=1).pk, home.bo.pk


def shelf(home: Home, **fields: Any) -> tuple[int, int]:
    ledger.adjust(home.cy, 100, actor=home.ann, note="")
    values = {"household": home.household, "name": "Kite", "cost": 30, **fields}
    return Reward.objects.create(**values).pk, home.cy.pk


def wished(home: Home, **fields: Any) -> tuple[int, int]:
    reward, who = shelf(home, stock=5, **fields)
    wish = shop.redeem(reward, member(who), actor=member(who))
    return wish.pk, home.ann.pk


def granted(home: Home) -> tuple[int, int]:
    return wished(home, needs_approval=False)


def adjusted(home: Home) -> tuple[int, int]:
    return ledger.adjust(home.cy, 20, actor=home.ann, note="").pk, home.ann.pk


def invited(home: Home) -> tuple[str, int]:
    token = tokens.invite(home.household, actor=home.ann, role=Role.MEMBER)
    return token.secret, UserFactory().pk


def reverse(entry: int, actor: int) -> object:
    found = PointEntry.objects.get(pk=entry)
    return ledger.reverse_adjustment(found, actor=member(actor), note="no")


def absent(who: int) -> object:
    day = datetime.date(2030, 1, 1)
    return absences.add_absence(member(who), day, day, actor=member(who))


def absence_of(home: Home) -> tuple[int]:
    absent(home.bo.pk)
    return (Absence.objects.get().pk,)


def present(absence: int) -> object:
    return absences.remove_absence(Absence.objects.get(pk=absence), actor=None)


def left(home: Home) -> tuple[int]:
    members.leave(home.bo, actor=home.ann)
    return (home.bo.pk,)


def by(service: Callable[..., object]) -> Callable[[int, int], object]:
    """Return a service of a row and an actor."""
    return lambda row, actor: service(row, actor=member(actor))


SERVICES = {
    "complete": Service(
        ready=opened, call=lambda row, who: completions.complete(row, attempt(who))
    ),
    "complete with a nonce": Service(
        ready=opened,
        call=lambda row, who: completions.complete(row, attempt(who, NONCE)),
        same_answer=True,
    ),
    "complete and spawn": Service(
        ready=lambda home: opened(home, schedule="after", every_days=2),
        call=lambda row, who: completions.complete(row, attempt(who)),
    ),
    "log as needed": Service(
        ready=anytime, call=lambda row, who: completions.log_anytime(row, attempt(who))
    ),
    "log as needed with a nonce": Service(
        ready=lambda home: (home.chore(schedule="anytime").pk, home.bo.pk),
        call=lambda row, who: completions.log_anytime(row, attempt(who, NONCE)),
        same_answer=True,
    ),
    "credit": Service(
        ready=missed,
        call=lambda row, who, actor: completions.credit(
            row, member(who), actor=member(actor)
        ),
    ),
    "claim": Service(
        ready=opened,
        call=lambda row, who: assignments.claim(row, member(who), actor=member(who)),
    ),
    "release": Service(ready=claimed, call=by(assignments.release)),
    "skip": Service(
        ready=lambda home: (home.occurrence().pk, home.ann.pk), call=by(skips.skip)
    ),
    "unskip": Service(ready=skipped, call=by(skips.unskip)),
    "approve": Service(ready=submitted, call=by(reviews.approve)),
    "reject": Service(ready=submitted, call=by(reviews.reject)),
    "undo": Service(ready=completed, call=by(undo)),
    "redeem the last one": Service(
        ready=lambda home: shelf(home, stock=1),
        call=lambda row, who: shop.redeem(row, member(who), actor=member(who)),
    ),
    "redeem all one has": Service(
        ready=lambda home: shelf(home, cost=60),
        call=lambda row, who: shop.redeem(row, member(who), actor=member(who)),
    ),
    "redeem with a nonce": Service(
        ready=shelf,
        call=lambda row, who: shop.redeem(
            row, member(who), actor=member(who), nonce=NONCE
        ),
        same_answer=True,
    ),
    "grant": Service(ready=wished, call=by(shop.grant)),
    "decline": Service(ready=wished, call=by(shop.decline)),
    "cancel": Service(ready=wished, call=by(shop.cancel)),
    "deliver": Service(ready=granted, call=by(shop.deliver)),
    "refund": Service(ready=granted, call=by(shop.refund)),
    "adjust with a nonce": Service(
        ready=lambda home: (home.cy.pk, home.ann.pk),
        call=lambda who, actor: ledger.adjust(
            member(who), 5, actor=member(actor), note="", nonce=NONCE
        ),
        same_answer=True,
    ),
    "reverse": Service(ready=adjusted, call=reverse),
    "accept an invitation": Service(
        ready=invited,
        call=lambda secret, user: tokens.accept_invite(
            secret, User.objects.get(pk=user), name="Dee"
        ),
    ),
    "be away": Service(ready=lambda home: (home.bo.pk,), call=absent),
    "leave": Service(
        ready=lambda home: (home.bo.pk,),
        call=lambda who: members.leave(member(who), actor=member(who)),
    ),
    "rejoin": Service(
        ready=left, call=lambda who: members.rejoin(member(who), actor=None)
    ),
}
# Whoever comes late does it once more, and nothing changes by it.
AGAIN = {
    "be there again": Service(ready=absence_of, call=present),
    "archive": Service(
        ready=lambda home: (home.chore().pk, home.ann.pk), call=by(chores.archive_chore)
    ),
    "pause": Service(
        ready=lambda home: (home.chore(schedule="calendar", rrule="FREQ=DAILY").pk,),
        call=lambda row: chores.set_paused(row, paused=True, actor=None),
    ),
}
