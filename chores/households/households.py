"""Making, changing, archiving and purging households."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from django.db import connections, router, transaction
from django.utils import timezone
from psycopg import sql

from chores.exceptions import NotAllowedError
from chores.households.configuration import DEFAULT_REWARDS
from chores.households.days import household_day
from chores.households.members import lock_household
from chores.households.models import Household, Membership, Role
from chores.households.permissions import Actor, Verb, require
from chores.integrity import tenant_models
from chores.rewards.builtin import builtin_achievements
from chores.rewards.models import Achievement, Reward
from chores.tasks.replanning import replan_household

if TYPE_CHECKING:
    from chores.accounts.models import User

APPS = ("accounts", "households", "tasks", "rewards")


@transaction.atomic
def create_household(
    household: Household, *, admin: User, admin_name: str
) -> Membership:
    """Save a new household with its first admin, achievements and shop."""
    household.full_clean()
    household.save()
    furnish(household)
    return Membership.objects.create(
        household=household,
        user=admin,
        name=admin_name,
        role=Role.ADMIN,
        joined_on=household_day(household, timezone.now()),
    )


def furnish(household: Household) -> None:
    """Give a new household its achievements and its shop."""
    Achievement.objects.bulk_create(builtin_achievements(household.pk))
    Reward.objects.bulk_create(
        Reward(household=household, name=name, emoji=emoji, cost=cost)
        for name, emoji, cost in DEFAULT_REWARDS.get()
    )


@transaction.atomic
def save_household(
    household: Household, *, actor: Actor, now: datetime.datetime | None = None
) -> Household:
    """Save a changed household; its zone, hours and week move what is open."""
    require(actor, Verb.EDIT, household_id=household.pk)
    lock_household(household.pk)
    household.full_clean()
    household.save()
    replan_household(household.pk, now=now)
    return household


@transaction.atomic
def archive_household(
    household: Household, *, actor: Actor, now: datetime.datetime | None = None
) -> Household:
    """End a household; nothing of it is open, and nothing is generated any more.

    One that was ended before keeps its date, and what was left open is closed.
    """
    now = now or timezone.now()
    require(actor, Verb.EDIT, household_id=household.pk)
    locked = lock_household(household.pk)
    locked.archived_at = locked.archived_at or now
    locked.save(update_fields=["archived_at"])
    replan_household(household.pk, now=now)
    return locked


@transaction.atomic
def purge_household(household: Household, *, typed_name: str) -> dict[str, int]:
    """Delete a household with all that is its own; return rows by table.

    The name must be typed. By table and household, since a cascade would look for
    each member's rows in the whole of every large table.
    """
    if typed_name != household.name:
        raise NotAllowedError(f"Type the household's name, {household.name}.")
    with connections[router.db_for_write(Household)].cursor() as cursor:
        cursor.execute("SELECT set_config('chores.purge', 'on', true)")
        deleted = {}
        for model in (m for label in APPS for m in tenant_models(label)):
            table = model._meta.db_table
            cursor.execute(
                sql.SQL("DELETE FROM {} WHERE household_id = %s").format(
                    sql.Identifier(table)
                ),
                [household.pk],
            )
            deleted[table] = cursor.rowcount
        cursor.execute("SELECT set_config('chores.purge', 'off', true)")
    household.delete()
    return deleted
