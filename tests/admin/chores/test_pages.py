"""The admin pages: they open, count nothing big, and write through services."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django_q.models import Success
from django_q.tasks import async_task

from chores.accounts import tokens
from chores.accounts.models import User
from chores.households.models import Absence, Household
from chores.rewards.ledger import adjust, reverse_adjustment
from chores.rewards.models import Achievement, PointEntry, Reward
from chores.tasks import completions
from chores.tasks.completions import Attempt
from chores.tasks.models import Chore, ChoreCompletion, Occurrence
from chores.tasks.pulse import JOB, KEPT
from tests.factories import UserFactory

if TYPE_CHECKING:
    from tests.home import Home

MODELS = [
    ("accounts", "user"),
    ("accounts", "account"),
    ("accounts", "session"),
    ("accounts", "verificationtoken"),
    ("households", "household"),
    ("households", "membership"),
    ("households", "absence"),
    ("households", "notice"),
    ("households", "systemsetting"),
    ("tasks", "chore"),
    ("tasks", "occurrence"),
    ("tasks", "chorecompletion"),
    ("rewards", "achievement"),
    ("rewards", "userachievement"),
    ("rewards", "reward"),
    ("rewards", "redemption"),
    ("rewards", "pointentry"),
]


@pytest.fixture
def staff(client: Client, db: None) -> Client:
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    return client


def form_of(home: Home, **fields: object) -> dict[str, object]:
    return {
        "household": home.household.pk,
        "name": "Hoover",
        "points": 5,
        "schedule": "calendar",
        "repeats": "week",
        "interval": 2,
        "weekdays": ["MO", "TH"],
        "starts_on": home.today.isoformat(),
        "lead_days": 0,
        "assign": "turns",
        "turn_every": "occurrence",
        **fields,
    }


@pytest.mark.parametrize("model", MODELS, ids="-".join)
def test_lists_open_and_count_nothing(
    staff: Client, home: Home, model: tuple[str, str]
) -> None:
    occurrence = home.occurrence()
    completions.complete(occurrence.pk, Attempt(member=home.bo, actor=home.bo))
    url = reverse("admin:{}_{}_changelist".format(*model))
    with CaptureQueriesContext(connection) as queries:
        page = staff.get(url)
        assert staff.get(url, {"q": "bo"}).status_code == 200
    assert page.status_code == 200
    assert b"Show counts" not in page.content
    assert not [q["sql"] for q in queries if "COUNT(" in q["sql"]]


def test_a_list_of_chores_asks_once_for_all(staff: Client, home: Home) -> None:
    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            page = staff.get(reverse("admin:tasks_chore_changelist"))
        assert "by anyone of Ann, Bo and Cy" in page.content.decode()
        return len(queries)

    home.occurrence(name="Dishes")
    asked()
    one = asked()
    home.occurrence(name="Bins")
    assert asked() == one


def test_a_filter_without_an_index_looks_at_the_newest(
    staff: Client, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chores.admin.WINDOW", 2)
    for _ in range(3):
        adjust(home.bo, 5, actor=home.ann, note="")

    def shown(query: str) -> int:
        url = reverse("admin:rewards_pointentry_changelist")
        return len(staff.get(f"{url}?{query}").context["cl"].result_list)

    assert shown("kind__exact=bonus") == 2
    assert shown("kind__exact=penalty") == 0
    assert shown(f"kind__exact=bonus&household__id__exact={home.household.pk}") == 3
    assert shown("q=bo&kind__exact=bonus") == 3


def test_what_waits_is_found_however_old_it_is(
    staff: Client, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chores.admin.WINDOW", 1)
    attempt = Attempt(member=home.cy, actor=home.cy)
    for name in ("Dishes", "Bins"):
        chore = home.occurrence(name=name, needs_approval=True)
        completions.complete(chore.pk, attempt)
    url = reverse("admin:tasks_chorecompletion_changelist")
    page = staff.get(f"{url}?state__exact=pending")
    assert len(page.context["cl"].result_list) == 2


def test_the_front_page_has_a_pulse(staff: Client, home: Home) -> None:
    attempt = Attempt(member=home.bo, actor=home.bo)
    completions.complete(home.occurrence().pk, attempt)
    page = staff.get(reverse("admin:index")).content.decode()
    assert "Waiting for approval" in page
    assert "1 chores done in 12 weeks" in page


def test_the_front_page_shows_what_the_job_kept(staff: Client, home: Home) -> None:
    assert async_task(JOB, sync=True)
    attempt = Attempt(member=home.bo, actor=home.bo)
    completions.complete(home.occurrence().pk, attempt)
    with CaptureQueriesContext(connection) as queries:
        page = staff.get(reverse("admin:index")).content.decode()
    assert "0 chores done in 12 weeks" in page
    assert not [q["sql"] for q in queries if "chorecompletion" in q["sql"]]
    Success.objects.update(stopped=timezone.now() - 2 * KEPT)
    page = staff.get(reverse("admin:index")).content.decode()
    assert "1 chores done in 12 weeks" in page


def test_apps_have_names_of_their_own(staff: Client) -> None:
    apps = staff.get(reverse("admin:index")).context["app_list"]
    names = [app["name"] for app in apps]
    assert len(set(names)) == len(names)


def test_a_reversed_entry_offers_no_reversal(staff: Client, home: Home) -> None:
    entry = adjust(home.bo, 20, actor=home.ann, note="")
    url = reverse("admin:rewards_pointentry_changelist")
    link = reverse("admin:rewards_pointentry_reverse", args=[entry.pk])
    assert link in staff.get(url).content.decode()
    reverse_adjustment(entry, actor=home.ann, note="a mistake")
    page = staff.get(url).content.decode()
    assert link not in page
    assert ">reversed<" in page
    assert f">reverses {entry.seq}<" in page


def test_a_households_page_is_its_hub(staff: Client, home: Home) -> None:
    completions.complete(
        home.occurrence(needs_approval=True).pk, Attempt(member=home.cy, actor=home.cy)
    )
    adjust(home.cy, 60, actor=home.ann, note="")
    url = reverse("admin:households_household_change", args=[home.household.pk])
    page = staff.get(url).content.decode()
    assert "60 points, level 2" in page
    assert "1 waiting for approval" in page
    assert "waits for approval" in page


def test_an_added_household_has_achievements_and_a_shop(staff: Client) -> None:
    data = {
        "slug": "new",
        "name": "New",
        "timezone": "Europe/Dublin",
        "day_starts_hour": 0,
        "week_starts_on": 0,
        "points_name": "points",
    }
    added = staff.post(reverse("admin:households_household_add"), data)
    assert added.status_code == 302, added.context["errors"]
    household = Household.objects.get(slug="new")
    assert Achievement.objects.filter(household=household).exists()
    assert Reward.objects.filter(household=household).exists()


def test_a_chore_is_previewed_added_and_generated(staff: Client, home: Home) -> None:
    form = form_of(home)
    preview = staff.post(reverse("admin:tasks_chore_preview"), form).content.decode()
    assert "Every 2 weeks on Monday and Thursday, taking turns" in preview
    assert preview.count("<tr>") == 5
    added = staff.post(reverse("admin:tasks_chore_add"), form)
    assert added.status_code == 302, added.context["errors"]
    chore = Chore.objects.get(name="Hoover")
    assert chore.rrule == "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"
    rows = Occurrence.objects.filter(chore=chore).order_by("due_on")
    assert rows.exists()
    shown = staff.get(reverse("admin:tasks_chore_change", args=[chore.pk]))
    page = shown.content.decode()
    assert all(f"{row.due_on:%Y}" in page and str(row.assignee) in page for row in rows)


def test_the_preview_of_a_form_that_names_nobody_any_more(
    staff: Client, home: Home
) -> None:
    chore = home.chore(participants=[home.bo])
    form = form_of(home, chore=chore.pk)
    page = staff.post(reverse("admin:tasks_chore_preview"), form).content.decode()
    assert "taking turns: Ann → Bo → Cy" in page


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"weekdays": []}, "Choose the days of the week"),
        ({"points": -1}, "greater than or equal to 0"),
        ({"schedule": "after", "every_days": ""}, "has that number"),
        ({"ends_on": "2020-01-01"}, "ends before it starts"),
        ({"repeats": "day", "months": ["2"], "ends_on": "2026-12-02"}, "falls on no"),
        ({"schedule": "anytime", "assign": "turns"}, "as needed is for anyone"),
    ],
)
def test_bad_input_is_refused_with_a_sentence(
    staff: Client, home: Home, fields: dict[str, object], says: str
) -> None:
    data = form_of(home, **{"starts_on": "2026-11-30", **fields})
    page = staff.post(reverse("admin:tasks_chore_add"), data)
    assert page.status_code == 200
    assert says in page.content.decode().replace("&#x27;", "'")
    assert not Chore.objects.filter(name="Hoover").exists()


def test_a_zone_that_does_not_exist_is_refused(staff: Client, home: Home) -> None:
    url = reverse("admin:households_household_change", args=[home.household.pk])
    data = {
        "slug": "x",
        "name": "Home",
        "timezone": "Foo+3",
        "day_starts_hour": 0,
        "week_starts_on": 0,
        "points_name": "points",
    }
    page = staff.post(url, data)
    assert "Foo+3 is not a time zone" in page.content.decode()


def test_many_are_approved_one_transaction_each(staff: Client, home: Home) -> None:
    done = [
        completions.complete(
            home.occurrence(needs_approval=True).pk,
            Attempt(member=member, actor=member),
        )
        for member in (home.cy, home.bo)
    ]
    staff.force_login(home.ann.user)  # type: ignore[arg-type]
    User.objects.filter(pk=home.ann.user_id).update(is_staff=True, is_superuser=True)
    home.bo.user, home.ann.user = None, home.ann.user
    url = reverse("admin:tasks_chorecompletion_changelist")
    data = {"action": "approve", "_selected_action": [row.pk for row in done]}
    page = staff.post(url, data, follow=True)
    assert "2 approved." in page.content.decode()
    approved = ChoreCompletion.objects.filter(state="approved", reviewed_by=home.ann)
    assert approved.count() == 2
    again = staff.post(url, data, follow=True).content.decode()
    assert "This is approved already." in again


def test_an_entry_is_reversed_with_a_note(staff: Client, home: Home) -> None:
    entry = adjust(home.cy, 20, actor=home.ann, note="well done")
    url = reverse("admin:rewards_pointentry_reverse", args=[entry.pk])
    assert "required" in staff.post(url, {"note": ""}).content.decode()
    assert staff.post(url, {"note": "a mistake"}).status_code == 302
    home.cy.refresh_from_db()
    assert home.cy.balance == 0
    assert "reversed already" in staff.post(url, {"note": "x"}).content.decode()
    chore_entry = PointEntry.objects.filter(kind="badge").first()
    assert chore_entry is None
    page = staff.get(reverse("admin:rewards_pointentry_changelist")).content.decode()
    assert "-20" in page


def test_the_ledger_has_no_buttons_to_change_it(staff: Client, home: Home) -> None:
    entry = adjust(home.cy, 20, actor=home.ann, note="")
    assert staff.get(reverse("admin:rewards_pointentry_add")).status_code == 403
    args = [entry.pk]
    for name in ("change", "delete"):
        url = reverse(f"admin:rewards_pointentry_{name}", args=args)
        assert staff.post(url, {"post": "yes"}).status_code == 403


def test_an_absence_has_inclusive_dates(staff: Client, home: Home) -> None:
    day = home.today.isoformat()
    data = {"member": home.cy.pk, "first": day, "last": day}
    url = reverse("admin:households_absence_add")
    assert staff.post(url, data).status_code == 302
    absence = Absence.objects.get()
    assert absence.days.upper - absence.days.lower == datetime.timedelta(days=1)
    assert "overlaps" in staff.post(url, data).content.decode()


def test_a_purge_asks_for_the_name(staff: Client, home: Home) -> None:
    url = reverse("admin:households_household_purge", args=[home.household.pk])
    page = staff.post(url, {"name": "home"}).content.decode()
    assert "Type the household" in page
    assert staff.post(url, {"name": "Home"}).status_code == 302
    assert not Household.objects.exists()


def test_a_setting_is_checked_and_its_change_recorded(
    staff: Client, home: Home
) -> None:
    url = reverse("admin:households_systemsetting_add")
    page = staff.post(url, {"key": "horizon_days", "value": "900"}).content.decode()
    assert "is not how many days ahead" in page
    assert staff.post(url, {"key": "horizon_days", "value": "7"}).status_code == 302
    staff_user = User.objects.get(is_superuser=True)
    assert staff_user.logentry_set.filter(object_repr="horizon_days").exists()


def test_the_feed_needs_its_secret(client: Client, home: Home) -> None:
    home.chore(name="Dishes", schedule="calendar", rrule="FREQ=DAILY")
    Household.objects.update(points_name="stars")
    issued = tokens.open_calendar(home.cy, actor=home.cy)
    url = reverse("tasks:calendar", args=[issued.secret])
    answer = client.get(url)
    assert answer["Content-Type"] == "text/calendar"
    assert answer.content.count(b"BEGIN:VEVENT") >= 14
    assert b"SUMMARY:Dishes" in answer.content
    assert b"10 stars." in answer.content
    wrong = reverse("tasks:calendar", args=["x" + issued.secret[1:]])
    assert client.get(wrong).status_code == 404
    tokens.revoke(issued.token, actor=home.cy)
    assert client.get(url).status_code == 404
