"""The household application as its operator works with it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from django.core.management import call_command

from chores.households.models import Household
from chores.rewards.ledger import adjust
from chores.tasks.completions import Attempt, complete
from chores.tasks.models import Occurrence
from tests.home import home
from tests.integration.chores.test_concurrency import badge_points

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.browser.conftest import Scheme, Visitor
    from tests.home import Home

    Visit = Callable[..., AbstractContextManager[Visitor]]

__all__ = ["home"]
WIDTH = 1280
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_half_a_year_is_shown_in_both_schemes(visit: Visit, scheme: Scheme) -> None:
    call_command("seed", env="test", stdout=io.StringIO(), verbosity=0)
    household = Household.objects.order_by("pk")[0]

    with visit(scheme, WIDTH) as visitor:
        for name, path in {
            "pulse": "",
            "household": f"households/household/{household.pk}/change/",
            "chores": "tasks/chore/",
            "inbox": "tasks/chorecompletion/",
            "ledger": "rewards/pointentry/",
        }.items():
            visitor.go(f"/admin/{path}")
            visitor.picture(f"{name}-{scheme}")
            wide = visitor.page.evaluate("document.body.scrollWidth")
            assert wide <= WIDTH, name
        visitor.go(f"/admin/households/household/{household.pk}/change/")
        year = visitor.page.get_by_role("img", name="chores done in a year")
        assert year.is_visible()


def test_a_household_without_a_history_has_no_empty_places(
    visit: Visit, home: Home
) -> None:
    with visit() as visitor:
        visitor.go(f"/admin/households/household/{home.household.pk}/change/")
        visitor.picture("household-new")
        assert visitor.page.get_by_text("Nobody has points yet this week.").is_visible()


def add_chore(visitor: Visitor, home: Home) -> None:
    """Fill in a chore for every second week by turns, and save it."""
    page = visitor.page
    visitor.go(f"/admin/tasks/chore/add/?household={home.household.pk}")
    page.fill("[name=name]", "Hoover")
    page.select_option("[name=schedule]", "calendar")
    page.fill("[name=interval]", "2")
    page.select_option("[name=repeats]", "week")
    page.check("[name=weekdays][value=MO]")
    page.check("[name=weekdays][value=TH]")
    page.fill("[name=starts_on]", home.today.isoformat())
    page.select_option("[name=assign]", "turns")
    page.check("[name=needs_approval]")
    page.get_by_text("Every 2 weeks on Monday and Thursday").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_chore_is_previewed_with_its_people_and_added(
    visit: Visit, home: Home, scheme: Scheme
) -> None:
    with visit(scheme) as visitor:
        add_chore(visitor, home)
        lines = visitor.page.locator("#preview tr").all_inner_texts()
        visitor.picture(f"chore-{scheme}")
        assert not visitor.page.locator(".field-every_days").is_visible()
        visitor.page.click("[name=_save]")
        visitor.page.get_by_text("was added successfully").wait_for()

    rows = Occurrence.objects.filter(chore__name="Hoover").order_by("due_on")
    shown = [line.split("\t") for line in lines]
    assert [names for _, names in shown] == ["Ann", "Bo", "Cy", "Ann", "Bo"]
    for (day, name), row in zip(shown, rows, strict=False):
        assert day == f"{row.due_on:%A} {row.due_on.day} {row.due_on:%B %Y}"
        assert name == str(row.assignee)
    assert rows.exists()


def test_what_waits_is_approved_and_a_bonus_reversed(visit: Visit, home: Home) -> None:
    occurrence = home.occurrence(name="Dishes", needs_approval=True)
    complete(occurrence.pk, Attempt(member=home.cy, actor=home.cy))
    adjust(home.cy, 20, actor=home.ann, note="well done")

    with visit() as visitor:
        page = visitor.page
        visitor.go(f"/admin/households/household/{home.household.pk}/change/")
        visitor.picture("household-waiting")
        page.get_by_role("link", name="1 waiting for approval").click()
        page.check("[name=_selected_action]")
        page.select_option("[name=action]", "approve")
        page.get_by_role("button", name="Go").click()
        page.get_by_text("1 approved.").wait_for()

        visitor.go("/admin/rewards/pointentry/")
        page.get_by_role("link", name="Reverse", exact=True).click()
        page.fill("[name=note]", "a mistake")
        visitor.picture("reverse")
        page.keyboard.press("Enter")
        page.get_by_text("-20").wait_for()
        visitor.picture("reversed")

    home.cy.refresh_from_db()
    earned = occurrence.chore.points + badge_points(home.cy)
    assert (home.cy.balance, home.cy.earned) == (earned, earned)
