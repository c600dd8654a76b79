"""A household's page as its keeper sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.factories import HouseholdFactory, MembershipFactory

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tests.browser.conftest import Scheme, Visitor

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_household_is_shown_in_both_schemes(
    visit: Callable[..., AbstractContextManager[Visitor]], scheme: Scheme
) -> None:
    household = HouseholdFactory.create(name="The Lindgrens")
    MembershipFactory.create_batch(3, household=household)

    with visit(scheme) as visitor:
        visitor.go(f"/admin/households/household/{household.pk}/change/")
        visitor.picture(f"household-{scheme}")

        assert visitor.page.get_by_role("link", name="Member").count() >= 3
