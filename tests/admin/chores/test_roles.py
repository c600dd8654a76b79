"""Who may do what, tried in the admin by a member of each role.

All are superusers: what the site allows, the household's own table still decides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client
from django.urls import reverse

from chores.accounts.models import User
from chores.households import absences, members
from chores.households.models import Household, Membership
from chores.rewards import ledger, shop
from chores.rewards.models import Achievement, Reward
from chores.tasks.completions import Attempt, complete
from tests.admin.chores.test_pages import form_of
from tests.admin.chores.test_refusals import member_form
from tests.factories import UserFactory
from tests.integration.chores.services import state

if TYPE_CHECKING:
    from tests.home import Home

ROLES = ("ann", "bo", "cy", "guest")
ADMIN, DOERS = {"ann"}, {"ann", "bo", "cy"}
DAYS = {"first": "2030-01-01", "last": "2030-01-02", "note": ""}


class Visit:
    """A member of a household at work in the admin."""

    def __init__(self, home: Home, member: Membership) -> None:
        self.home, self.member = home, member
        self.other = home.cy if member != home.cy else home.bo
        self.client = Client()
        self.client.force_login(User.objects.get(pk=member.user_id))

    def act(self, model: str, action: str, row: Any) -> None:
        data = {"action": action, "_selected_action": [row.pk], "post": "yes"}
        self.client.post(reverse(f"admin:{model}_changelist"), data)

    def add(self, model: str, **data: object) -> None:
        self.client.post(reverse(f"admin:{model}_add"), data)

    def change(self, model: str, row: Any, **data: object) -> None:
        self.client.post(reverse(f"admin:{model}_change", args=[row.pk]), data)

    def done(self, *, by: Membership, **chore: object) -> Any:
        occurrence = self.home.occurrence(**chore)
        return complete(occurrence.pk, Attempt(member=by, actor=by))

    def wish(self, **reward: object) -> Any:
        ledger.adjust(self.home.cy, 50, actor=None, note="")
        values = {"household": self.home.household, "name": "Now", "cost": 5, **reward}
        kite = Reward.objects.create(**values)
        return shop.redeem(kite.pk, self.home.cy, actor=None)


def add_chore(visit: Visit) -> Callable[[], None]:
    return lambda: visit.add("tasks_chore", **form_of(visit.home))


def edit_chore(visit: Visit) -> Callable[[], None]:
    chore = visit.home.chore(schedule="calendar", rrule="FREQ=DAILY")
    form = form_of(visit.home, name="Renamed")
    inline = {"participants-TOTAL_FORMS": 0, "participants-INITIAL_FORMS": 0}
    return lambda: visit.change("tasks_chore", chore, **form, **inline)


def pause_chore(visit: Visit) -> Callable[[], None]:
    chore = visit.home.chore(schedule="calendar", rrule="FREQ=DAILY")
    return lambda: visit.act("tasks_chore", "pause", chore)


def archive_chore(visit: Visit) -> Callable[[], None]:
    chore = visit.home.chore()
    return lambda: visit.act("tasks_chore", "archive", chore)


def skip(visit: Visit) -> Callable[[], None]:
    occurrence = visit.home.occurrence()
    return lambda: visit.act("tasks_occurrence", "skip", occurrence)


def approve(visit: Visit) -> Callable[[], None]:
    done = visit.done(by=visit.other, needs_approval=True)
    return lambda: visit.act("tasks_chorecompletion", "approve", done)


def reject(visit: Visit) -> Callable[[], None]:
    done = visit.done(by=visit.other, needs_approval=True)
    return lambda: visit.act("tasks_chorecompletion", "reject", done)


def undo_own(visit: Visit) -> Callable[[], None]:
    done = visit.done(by=visit.member)
    return lambda: visit.act("tasks_chorecompletion", "undo", done)


def undo_of_another(visit: Visit) -> Callable[[], None]:
    done = visit.done(by=visit.other)
    return lambda: visit.act("tasks_chorecompletion", "undo", done)


def decide(action: str, **reward: object) -> Callable[[Visit], Callable[[], None]]:
    def ready(visit: Visit) -> Callable[[], None]:
        wish = visit.wish(**reward)
        return lambda: visit.act("rewards_redemption", action, wish)

    return ready


def add_reward(visit: Visit) -> Callable[[], None]:
    household = visit.home.household.pk
    return lambda: visit.add(
        "rewards_reward", household=household, name="Kite", cost=5, emoji=""
    )


def edit_reward(visit: Visit) -> Callable[[], None]:
    reward = Reward.objects.filter(household=visit.home.household)[0]
    return lambda: visit.change("rewards_reward", reward, name="Kite", cost=5, stock=3)


def edit_achievement(visit: Visit) -> Callable[[], None]:
    row = Achievement.objects.filter(household=visit.home.household)[0]
    form = {"code": row.code, "name": "Mine", "emoji": "", "metric": row.metric}
    return lambda: visit.change(
        "rewards_achievement", row, **form, threshold=1, bonus=500, active="on"
    )


def reverse_bonus(visit: Visit) -> Callable[[], None]:
    entry = ledger.adjust(visit.home.cy, 20, actor=None, note="")
    url = reverse("admin:rewards_pointentry_reverse", args=[entry.pk])
    return lambda: visit.client.post(url, {"note": "no"}) and None


def rename_member(visit: Visit) -> Callable[[], None]:
    form = member_form(visit.other, name="Renamed")
    return lambda: visit.change("households_membership", visit.other, **form)


def ask_to_leave(visit: Visit) -> Callable[[], None]:
    return lambda: visit.act("households_membership", "leave", visit.other)


def take_back(visit: Visit) -> Callable[[], None]:
    members.leave(visit.other, actor=None)
    return lambda: visit.act("households_membership", "rejoin", visit.other)


def be_away(visit: Visit) -> Callable[[], None]:
    return lambda: visit.add("households_absence", member=visit.member.pk, **DAYS)


def send_away(visit: Visit) -> Callable[[], None]:
    return lambda: visit.add("households_absence", member=visit.other.pk, **DAYS)


def bring_back(visit: Visit) -> Callable[[], None]:
    day = visit.home.today
    absence = absences.add_absence(visit.other, day, day, actor=None)
    return lambda: visit.act("households_absence", "delete_selected", absence)


def edit_household(visit: Visit) -> Callable[[], None]:
    home = visit.home.household
    form = {"slug": home.slug, "name": "Renamed", "timezone": "Asia/Kolkata"}
    figures = {"day_starts_hour": 0, "week_starts_on": 0, "points_name": "stars"}
    return lambda: visit.change("households_household", home, **form, **figures)


def archive_household(visit: Visit) -> Callable[[], None]:
    home = visit.home.household
    return lambda: visit.act("households_household", "archive", home)


def purge_household(visit: Visit) -> Callable[[], None]:
    home = visit.home.household
    url = reverse("admin:households_household_purge", args=[home.pk])
    return lambda: visit.client.post(url, {"name": home.name}) and None


TABLE: dict[str, tuple[Callable[[Visit], Callable[[], None]], set[str]]] = {
    "approve": (approve, ADMIN),
    "edit a chore": (edit_chore, ADMIN),
    "be away": (be_away, DOERS),
    "add a chore": (add_chore, ADMIN),
    "pause a chore": (pause_chore, ADMIN),
    "archive a chore": (archive_chore, ADMIN),
    "skip": (skip, ADMIN),
    "reject": (reject, ADMIN),
    "undo one's own": (undo_own, DOERS),
    "undo another's": (undo_of_another, ADMIN),
    "grant": (decide("grant"), ADMIN),
    "decline": (decide("decline"), ADMIN),
    "deliver": (decide("deliver", needs_approval=False), ADMIN),
    "refund": (decide("refund", needs_approval=False), ADMIN),
    "add a reward": (add_reward, ADMIN),
    "edit a reward": (edit_reward, ADMIN),
    "edit an achievement": (edit_achievement, ADMIN),
    "reverse a bonus": (reverse_bonus, ADMIN),
    "rename a member": (rename_member, ADMIN),
    "ask to leave": (ask_to_leave, ADMIN),
    "take back": (take_back, ADMIN),
    "send away": (send_away, ADMIN),
    "bring back": (bring_back, ADMIN),
    "edit a household": (edit_household, ADMIN),
    "archive a household": (archive_household, ADMIN),
    "purge a household": (purge_household, ADMIN),
}
QUICK = {"approve", "edit a chore", "be away"}
VERBS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.deep)
    for name in TABLE
]


def everything() -> list[Any]:
    """Return what any verb changes."""
    rows = [Household.objects.values_list("name", "archived_at").order_by("pk")]
    rows.append(Achievement.objects.values_list("name", "bonus").order_by("pk"))
    rows.append(Reward.objects.values_list("name", "cost").order_by("pk"))
    return [*state(), *(list(found) for found in rows)]


@pytest.mark.parametrize("verb", VERBS)
def test_only_those_who_may_can(home: Home, verb: str) -> None:
    ready, allowed = TABLE[verb]
    User.objects.update(is_staff=True, is_superuser=True)
    staff = UserFactory(is_staff=True, is_superuser=True)
    Membership.objects.filter(pk=home.guest.pk).update(user=staff)
    child = UserFactory(is_staff=True, is_superuser=True)
    Membership.objects.filter(pk=home.cy.pk).update(user=child)
    done = set()
    for role in ROLES:
        with transaction.atomic():
            member = Membership.objects.get(pk=getattr(home, role).pk)
            act = ready(Visit(home, member))
            before = everything()
            act()
            if everything() != before:
                done.add(role)
            transaction.set_rollback(True)
    assert done == allowed


def test_who_may_only_look_is_offered_no_action(client: Client, home: Home) -> None:
    looker = UserFactory(is_staff=True)
    looker.user_permissions.set(Permission.objects.filter(codename__startswith="view"))
    client.force_login(looker)
    occurrence = home.occurrence()
    rows = {
        "households_household": (home.household, ["archive"]),
        "households_membership": (home.bo, ["leave", "rejoin"]),
        "tasks_chore": (occurrence.chore, ["pause", "wake", "archive"]),
        "tasks_occurrence": (occurrence, ["skip"]),
    }
    before = everything()
    for model, (row, actions) in rows.items():
        url = reverse(f"admin:{model}_changelist")
        page = client.get(url)
        assert page.status_code == 200
        for action in actions:
            assert f'value="{action}"' not in page.content.decode()
            client.post(url, {"action": action, "_selected_action": [row.pk]})
    assert everything() == before
