"""What forms refuse with a sentence, of other households above all."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse

from chores.accounts import tokens
from chores.accounts.models import User
from chores.households.members import join, leave
from chores.households.models import Membership, Role
from chores.rewards.models import Achievement
from chores.tasks.completions import Attempt, complete
from chores.tasks.models import ChoreCompletion, ChoreParticipant
from tests.factories import AdminFactory, ChoreFactory, UserFactory

if TYPE_CHECKING:
    from tests.home import Home

NOTHING = 2**40


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def said(client: Client, url: str, data: dict[str, object]) -> str:
    """Post; return the page that comes back, as people read it."""
    return html.unescape(client.post(url, data, follow=True).content.decode())


def member_form(member: Membership, **fields: object) -> dict[str, object]:
    return {
        "user": member.user_id or "",
        "name": member.name,
        "colour": member.colour,
        "role": member.role,
        "joined_on": member.joined_on.isoformat(),
        **fields,
    }


def test_a_participant_of_another_household(staff: Client, home: Home) -> None:
    chore = home.chore(schedule="calendar", rrule="FREQ=DAILY", assign="turns")
    stranger = AdminFactory()
    data = {
        "name": chore.name,
        "points": 1,
        "schedule": "calendar",
        "repeats": "day",
        "starts_on": home.today.isoformat(),
        "lead_days": 0,
        "assign": "turns",
        "turn_every": "occurrence",
        "participants-TOTAL_FORMS": 1,
        "participants-INITIAL_FORMS": 0,
        "participants-0-member": stranger.pk,
        "participants-0-position": 0,
    }
    url = reverse("admin:tasks_chore_change", args=[chore.pk])
    assert "Select a valid choice" in said(staff, url, data)
    assert not ChoreParticipant.objects.exists()
    data["participants-0-member"] = home.bo.pk
    assert "was changed successfully" in said(staff, url, data)


def test_an_achievement_for_a_chore_of_another_household(
    staff: Client, home: Home
) -> None:
    data = {
        "household": home.household.pk,
        "code": "theirs",
        "name": "Theirs",
        "metric": "completions",
        "threshold": 1,
        "bonus": 0,
        "chore": ChoreFactory().pk,
    }
    page = said(staff, reverse("admin:rewards_achievement_add"), data)
    assert "This chore is of another household." in page
    assert not Achievement.objects.filter(code="theirs").exists()


def test_a_member_stays_in_the_household(staff: Client, home: Home) -> None:
    url = reverse("admin:households_membership_change", args=[home.cy.pk])
    elsewhere = AdminFactory().household
    assert "was changed" in said(
        staff, url, member_form(home.cy, household=elsewhere.pk, name="Cyril")
    )
    home.cy.refresh_from_db()
    assert (home.cy.name, home.cy.household) == ("Cyril", home.household)


@pytest.mark.parametrize("change", [{"role": "member"}, {"user": ""}])
def test_the_last_admin_stays_one(
    staff: Client, home: Home, change: dict[str, object]
) -> None:
    url = reverse("admin:households_membership_change", args=[home.ann.pk])
    assert "Ann is the last admin" in said(staff, url, member_form(home.ann, **change))
    home.ann.refresh_from_db()
    assert home.ann.role == "admin"
    assert home.ann.user_id is not None


def test_a_member_is_not_deleted(staff: Client, home: Home) -> None:
    url = reverse("admin:households_membership_delete", args=[home.cy.pk])
    assert staff.post(url, {"post": "yes"}).status_code == 403
    data = {"action": "leave", "_selected_action": [home.cy.pk]}
    listed = reverse("admin:households_membership_changelist")
    assert "1 left." in said(staff, listed, data)
    assert "has left already" in said(staff, listed, data)


def test_who_comes_back_to_a_name_that_is_taken(staff: Client, home: Home) -> None:
    leave(home.bo, actor=home.ann)
    leave(home.cy, actor=home.ann)
    join(home.household, "Bo", actor=home.ann)
    listed = reverse("admin:households_membership_changelist")
    data = {"action": "rejoin", "_selected_action": [home.bo.pk, home.cy.pk]}
    page = said(staff, listed, data)
    assert "Bo: Somebody here already has that name." in page
    assert "1 are back." in page


def test_the_approval_of_ones_own_work(client: Client, home: Home) -> None:
    attempt = Attempt(member=home.bo, actor=home.bo)
    done = complete(home.occurrence(needs_approval=True).pk, attempt)
    User.objects.filter(pk=home.bo.user_id).update(is_staff=True, is_superuser=True)
    Membership.objects.filter(pk=home.bo.pk).update(role="admin")
    client.force_login(User.objects.get(pk=home.bo.user_id))
    data = {"action": "approve", "_selected_action": [done.pk]}
    page = said(client, reverse("admin:tasks_chorecompletion_changelist"), data)
    assert "Nobody reviews their own work." in page
    assert ChoreCompletion.objects.get().state == "pending"


@pytest.mark.parametrize(
    "name", ["rewards_pointentry_reverse", "households_household_purge"]
)
def test_an_id_of_nothing_is_not_found(staff: Client, name: str) -> None:
    assert staff.get(reverse(f"admin:{name}", args=[NOTHING])).status_code == 404


def test_an_id_that_is_none_is_no_error(staff: Client) -> None:
    url = reverse("admin:households_household_change", args=["abc"])
    assert "Perhaps it was deleted?" in said(staff, url, {})
    assert staff.get(url).status_code == 302


def test_a_calendar_shows_its_own_household_alone(client: Client, home: Home) -> None:
    ChoreFactory(name="Theirs")
    home.chore(name="Ours", schedule="calendar", rrule="FREQ=DAILY")
    issued = tokens.open_calendar(home.cy, actor=home.cy)
    answer = client.get(reverse("tasks:calendar", args=[issued.secret]))
    assert b"SUMMARY:Ours" in answer.content
    assert b"Theirs" not in answer.content
    invited = tokens.invite(home.household, actor=home.ann, role=Role.MEMBER)
    url = reverse("tasks:calendar", args=[invited.secret])
    assert client.get(url).status_code == 404


@pytest.mark.parametrize("verb", ["post", "get"])
def test_who_is_not_staff_is_sent_to_sign_in(
    client: Client, home: Home, verb: str
) -> None:
    assert home.ann.user is not None
    client.force_login(home.ann.user)
    for name in ("tasks_chore", "rewards_pointentry", "households_household"):
        answer = getattr(client, verb)(reverse(f"admin:{name}_changelist"))
        assert answer.status_code == 302
        assert "/login/" in answer["Location"]
