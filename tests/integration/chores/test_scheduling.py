"""Generation, expiry, turns and replanning at given instants."""

from __future__ import annotations

import datetime
import io
from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused
from typing import TYPE_CHECKING, Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command
from django.utils import timezone

from chores.accounts import tokens
from chores.exceptions import ChoresError, NotAllowedError, WrongStateError
from chores.households.absences import add_absence, remove_absence
from chores.households.configuration import HORIZON_DAYS
from chores.households.households import archive_household, save_household
from chores.households.members import leave, rejoin
from chores.households.models import Notice, Role, SystemSetting
from chores.households.pins import check_pin, set_pin
from chores.rewards.models import UserAchievement
from chores.rewards.streaks import streaks
from chores.tasks.chores import save_chore, set_paused
from chores.tasks.completions import Attempt, complete
from chores.tasks.generator import generate
from chores.tasks.messages import send_due_messages
from chores.tasks.models import Chore, ChoreCompletion, Occurrence
from chores.tasks.preview import preview, words_of
from chores.tasks.pulse import pulse
from chores.tasks.skips import skip, unskip
from chores.tasks.sweep import sweep
from chores.tasks.undo import undo
from tests.factories import UserFactory

if TYPE_CHECKING:
    from tests.home import Home

NOON = datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)  # a Monday
DAY = datetime.timedelta(days=1)
TODAY = NOON.date()


class Picky(EmailBackend):
    """A server that refuses one address."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        if "refused@example.com" in messages[0].to:
            raise SMTPRecipientsRefused({"refused@example.com": (550, b"unknown")})
        return super().send_messages(messages)


def chore(home: Home, *people: Any, **fields: Any) -> Chore:
    values = {"schedule": "calendar", "rrule": "FREQ=DAILY", "starts_on": TODAY}
    values = {"name": "Dishes", **values, **fields}
    made = Chore(household=home.household, **values)
    return save_chore(made, actor=home.ann, participants=people, now=NOON)


def turns(made: Chore) -> list[str]:
    rows = Occurrence.objects.filter(chore=made).order_by("due_on", "slot")
    return [row.turn_of.name for row in rows.select_related("turn_of") if row.turn_of]


def test_each_has_as_many_turns(home: Home) -> None:
    made = chore(home, home.ann, home.bo, home.cy, assign="turns")
    assert turns(made)[:6] == ["Ann", "Bo", "Cy"] * 2
    assert len(turns(made)) == 15


def test_a_turn_by_the_week_lasts_the_week(home: Home) -> None:
    made = chore(home, home.ann, home.bo, assign="turns", turn_every="week")
    assert turns(made)[:15] == ["Ann"] * 7 + ["Bo"] * 7 + ["Ann"]


def test_a_generator_in_pieces_makes_what_one_makes_at_once(home: Home) -> None:
    made = chore(home, home.ann, home.bo, home.cy, assign="turns")
    for days in (20, 25, 40):
        generate(now=NOON, horizon_days=days)
    assert turns(made) == (["Ann", "Bo", "Cy"] * 14)[:41]


@pytest.mark.parametrize("named", ["guest", "bo", "nobody"])
def test_the_preview_names_whom_the_generator_asks(home: Home, named: str) -> None:
    people = [] if named == "nobody" else [getattr(home, named)]
    made = home.chore(
        schedule="calendar", rrule="FREQ=DAILY", assign="turns", participants=people
    )
    leave(home.bo, actor=home.ann)
    standing = Occurrence.objects.filter(chore=made, status="open").order_by("due_on")
    asked = [str(row.assignee) for row in standing[:5]]
    shown = preview(made)
    assert [line.names for line in shown.lines] == asked
    assert (
        set(asked) == {"guest": {"Guest"}, "bo": set(), "nobody": {"Ann", "Cy"}}[named]
    )
    assert shown.words == words_of([made])[made.pk]
    assert ("nobody to do it" in shown.words) == (not asked)


def test_an_absent_member_is_passed_over_and_owes_nothing(home: Home) -> None:
    made = chore(home, home.ann, home.bo, assign="turns")
    away = add_absence(home.bo, TODAY + DAY, TODAY + 3 * DAY, actor=home.bo, now=NOON)
    assert turns(made)[:6] == ["Ann", "Ann", "Ann", "Ann", "Bo", "Ann"]
    remove_absence(away, actor=home.bo, now=NOON)
    assert turns(made)[:4] == ["Ann", "Bo", "Ann", "Bo"]


def test_a_day_on_which_all_are_away_has_no_row(home: Home) -> None:
    made = chore(home, home.bo, assign="turns")
    add_absence(home.bo, TODAY + DAY, TODAY + 2 * DAY, actor=home.bo, now=NOON)
    days = Occurrence.objects.filter(chore=made).values_list("due_on", flat=True)
    assert TODAY in days
    assert not {TODAY + DAY, TODAY + 2 * DAY} & set(days)


def test_after_an_outage_only_the_newest_valid_date_is_made(home: Home) -> None:
    made = chore(home)
    later = NOON + 60 * DAY
    generate(now=later)
    sweep(now=later)
    rows = Occurrence.objects.filter(chore=made, due_on__gt=TODAY + 20 * DAY)
    first = rows.order_by("due_on").first()
    assert first is not None
    assert first.due_on == later.date() - DAY
    assert not rows.filter(status="missed").exists()


def test_expiry_breaks_a_streak_and_an_absence_does_not(home: Home) -> None:
    chore(home, home.bo, assign="turns")
    for day in range(3):
        now = NOON + day * DAY
        row = Occurrence.objects.get(due_on=TODAY + day * DAY)
        complete(row.pk, Attempt(member=home.bo, actor=home.bo), now=now)
    assert streaks(home.bo).current == 3
    sweep(now=NOON + 6 * DAY)
    assert streaks(home.bo).current == 0
    assert streaks(home.bo).longest == 3
    add_absence(home.bo, TODAY + 3 * DAY, TODAY + 6 * DAY, actor=home.ann, now=NOON)
    assert streaks(home.bo).current == 3


def test_too_late_is_refused_before_the_sweep_has_run(home: Home) -> None:
    made = chore(home)
    row = Occurrence.objects.get(chore=made, due_on=TODAY)
    late = NOON + 3 * DAY
    with pytest.raises(WrongStateError, match="too late"):
        complete(row.pk, Attempt(member=home.bo, actor=home.bo), now=late)
    assert complete(row.pk, Attempt(member=home.bo, actor=home.ann), now=late)


def test_a_change_of_zone_moves_instants_and_no_date(home: Home) -> None:
    made = chore(home, due_time=datetime.time(20))
    rows = Occurrence.objects.filter(chore=made).order_by("due_on")
    before = list(rows.values_list("due_on", "due_at"))
    home.household.timezone = "America/New_York"
    save_household(home.household, actor=home.ann, now=NOON)
    after = list(rows.values_list("due_on", "due_at"))
    assert [day for day, _ in before] == [day for day, _ in after]
    assert after[0][1] - before[0][1] == datetime.timedelta(hours=5)


def test_a_pause_keeps_nothing_open_and_comes_back(home: Home) -> None:
    made = chore(home, schedule="after", rrule="", every_days=3)
    set_paused(made.pk, paused=True, actor=home.ann, now=NOON)
    assert not Occurrence.objects.filter(chore=made, status="open").exists()
    set_paused(made.pk, paused=False, actor=home.ann, now=NOON)
    assert Occurrence.objects.filter(chore=made, status="open").count() == 1


def test_an_archived_household_is_asked_nothing(home: Home) -> None:
    daily = chore(home)
    after = chore(home, name="Bins", schedule="after", rrule="", every_days=3)
    row = Occurrence.objects.get(chore=after)
    done = complete(row.pk, Attempt(member=home.bo, actor=home.bo), now=NOON)
    archive_household(home.household, actor=home.ann, now=NOON)
    save_chore(daily, actor=home.ann, now=NOON)
    undo(done.pk, actor=home.ann, now=NOON)
    assert generate(now=NOON + DAY).occurrences == 0
    assert not Occurrence.objects.filter(status="open").exists()
    assert pulse(now=NOON + 9 * DAY).generated_until is None


def test_a_household_that_was_ended_with_open_rows_is_ended_once_more(
    home: Home,
) -> None:
    chore(home, schedule="once", rrule="")
    type(home.household).objects.update(archived_at=NOON - DAY)

    ended = archive_household(home.household, actor=home.ann, now=NOON)

    assert ended.archived_at == NOON - DAY
    assert not Occurrence.objects.filter(status="open").exists()


def test_the_pulse_counts_what_never_expires(home: Home) -> None:
    chore(home, schedule="once", rrule="")
    assert pulse(now=NOON).overdue == 0
    assert pulse(now=NOON + 2 * DAY).overdue == 1
    chore(home, name="Bins")
    assert pulse(now=NOON).generated_until == TODAY + 15 * DAY
    type(home.household).objects.update(archived_at=NOON)
    assert pulse(now=NOON).generated_until is None
    assert pulse(now=NOON + 2 * DAY).overdue == 0


def test_an_early_completion_is_followed_from_the_day_it_was_done(home: Home) -> None:
    made = chore(home, schedule="after", rrule="", every_days=3, lead_days=2)
    for day in (0, 1, 2):
        row = Occurrence.objects.get(chore=made, status="open")
        now = NOON + day * DAY
        complete(row.pk, Attempt(member=home.bo, actor=home.bo), now=now)
        assert Occurrence.objects.get(chore=made, status="open").due_on == (
            TODAY + (day + 3) * DAY
        )


def test_what_is_asked_again_is_of_people_who_take_part_now(home: Home) -> None:
    made = chore(home, home.ann, home.bo, assign="turns")
    first, second = Occurrence.objects.filter(chore=made).order_by("due_on")[:2]
    skip(second.pk, actor=home.ann, now=NOON)
    done = complete(first.pk, Attempt(member=home.ann, actor=home.ann), now=NOON)
    save_chore(made, actor=home.ann, participants=[home.cy], now=NOON)
    unskip(second.pk, actor=home.ann, now=NOON)
    undo(done.pk, actor=home.ann, now=NOON)
    standing = Occurrence.objects.filter(chore=made, status="open")
    assert {first, second} <= set(standing)
    assert {row.assignee_id for row in standing} == {home.cy.pk}


def test_nobody_is_asked_again_who_is_gone(home: Home) -> None:
    made = chore(home, home.ann, home.bo, assign="everyone")
    rows = Occurrence.objects.filter(chore=made, assignee=home.bo, due_on=TODAY)
    skip(rows.get().pk, actor=home.ann, now=NOON)
    leave(home.bo, actor=home.ann, now=NOON)
    with pytest.raises(WrongStateError, match="asks nobody for this"):
        unskip(rows.get().pk, actor=home.ann, now=NOON)
    assert rows.get().status == "skipped"


def test_who_leaves_is_asked_nothing_and_keeps_points(home: Home) -> None:
    made = chore(home, home.ann, home.bo, assign="turns")
    row = Occurrence.objects.filter(chore=made).order_by("due_on")[0]
    complete(row.pk, Attempt(member=home.bo, actor=home.bo), now=NOON)
    leave(home.bo, actor=home.ann, now=NOON)
    standing = Occurrence.objects.filter(chore=made, status="open")
    assert {row.assignee_id for row in standing} == {home.ann.pk}
    back = rejoin(home.bo, actor=home.ann, now=NOON)
    assert back.balance > 0
    assert home.bo.pk in {row.assignee_id for row in standing.all()}


def test_the_horizon_is_configured(home: Home) -> None:
    call_command("init_config", stdout=io.StringIO())
    assert HORIZON_DAYS.get() == 14
    SystemSetting.objects.filter(key="horizon_days").update(value=3)
    call_command("init_config", stdout=io.StringIO())
    assert HORIZON_DAYS.get() == 3
    made = chore(home)
    assert Occurrence.objects.filter(chore=made).count() == 4


def test_mail_is_sent_once_in_the_morning(home: Home) -> None:
    chore(home)
    morning = NOON.replace(hour=7)
    assert send_due_messages(now=NOON.replace(hour=3)) == 0
    sent = send_due_messages(now=morning)
    assert sent == len(mail.outbox) == Notice.objects.count() == 4
    assert send_due_messages(now=morning) == 0
    texts = {message.subject: message.body for message in mail.outbox}
    assert "Dishes (10 points), up for grabs" in texts["Home: Today's chores"]
    assert "Your week" in " ".join(texts)
    home.ann.wants_digest = False
    home.ann.save()
    assert send_due_messages(now=morning + DAY) == 1


def test_a_refused_address_keeps_nobody_else_from_mail(
    home: Home, caplog: pytest.LogCaptureFixture, settings: Any
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Picky"
    assert home.ann.user is not None
    home.ann.user.email = "refused@example.com"
    home.ann.user.save()
    chore(home)
    assert send_due_messages(now=NOON.replace(hour=7)) == 2
    assert f"mail to member {home.ann.pk} was not sent" in caplog.text
    assert {notice.member for notice in Notice.objects.all()} == {home.bo}


def test_the_letter_tells_of_the_week_that_is_over(home: Home) -> None:
    made = chore(home, home.ann, home.bo, assign="turns")
    rows = list(Occurrence.objects.filter(chore=made).order_by("due_on"))
    for n in (0, 1, 6, 7):
        attempt = Attempt(member=home.bo, actor=home.ann)
        complete(rows[n].pk, attempt, now=NOON + n * DAY)
    UserAchievement.objects.update(awarded_at=NOON)
    assert send_due_messages(now=NOON.replace(hour=7) + 7 * DAY)
    (text,) = {m.body for m in mail.outbox if "Dear Ann" in m.body}
    assert "Bo did 3 chores for 30 points" in text
    assert "Bo helped Ann 2 times" in text
    assert "First step: Bo" in text
    assert f"{TODAY + 8 * DAY:%a} 10 Mar: Dishes" in text
    assert f"{TODAY + 14 * DAY:%a} 16 Mar" not in text


def test_an_admin_is_told_of_what_waits_but_their_own(home: Home) -> None:
    for who in (home.cy, home.ann):
        row = home.occurrence(name=f"By {who}", needs_approval=True)
        attempt = Attempt(member=who, actor=who)
        complete(row.pk, attempt)
    ChoreCompletion.objects.update(state="pending")
    Occurrence.objects.update(status="submitted", closed_at=None)
    morning = timezone.now().replace(hour=7)
    assert send_due_messages(now=morning)
    (told,) = [m for m in mail.outbox if "waiting" in m.subject]
    assert told.subject == "Home: 1 waiting for your approval"
    assert "By Cy, done by Cy" in told.body


def test_an_invitation_is_used_once(home: Home) -> None:
    issued = tokens.invite(home.household, actor=home.ann, role=Role.MEMBER)
    member = tokens.accept_invite(issued.secret, UserFactory(), name="New")
    assert member.household == home.household
    with pytest.raises(NotAllowedError, match="not valid any more"):
        tokens.accept_invite(issued.secret, UserFactory(), name="Newer")


def test_an_invitation_to_a_profile_brings_it_chores(home: Home) -> None:
    made = home.chore(schedule="calendar", rrule="FREQ=DAILY", assign="everyone")
    issued = tokens.invite(
        home.household, actor=home.ann, role=Role.MEMBER, member=home.guest
    )
    guest = tokens.accept_invite(issued.secret, UserFactory(), name="")
    assert guest.role == Role.MEMBER
    assert Occurrence.objects.filter(chore=made, assignee=guest).exists()


def test_an_invitation_to_who_has_left_is_of_no_use(home: Home) -> None:
    issued = tokens.invite(
        home.household, actor=home.ann, role=Role.MEMBER, member=home.cy
    )
    leave(home.cy, actor=home.ann, now=NOON)
    with pytest.raises(NotAllowedError, match="Cy has left"):
        tokens.accept_invite(issued.secret, UserFactory(), name="")
    home.cy.refresh_from_db()
    assert home.cy.user is None


def test_a_pin_closes_after_five_wrong_tries(home: Home) -> None:
    set_pin(home.ann, "4711")
    check_pin(home.ann, "4711")
    for _ in range(5):
        with pytest.raises(NotAllowedError, match="wrong"):
            check_pin(home.ann, "0000")
    with pytest.raises(NotAllowedError, match="Too many"):
        check_pin(home.ann, "4711")
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=16)
    check_pin(home.ann, "4711", now=later)
    with pytest.raises(ChoresError, match="digits"):
        set_pin(home.ann, "abc")
