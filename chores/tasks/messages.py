"""Mail to members: a morning digest, what waits for approval, a weekly letter.

A Notice is written before each mail is sent, so that a retry sends nothing twice; a
mail that cannot be sent takes its notice with it.
"""

from __future__ import annotations

import datetime
import logging
import zoneinfo
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Count, F, Q, Sum
from django.template.loader import render_to_string
from django.utils import timezone

from chores.households.configuration import DIGEST_HOUR
from chores.households.days import DAY, household_day, start_of, week_start
from chores.households.models import Membership, Notice, Role
from chores.households.models.notice import NoticeKind
from chores.rewards.levels import level
from chores.rewards.models import UserAchievement
from chores.rewards.streaks import streaks
from chores.tasks.models import ChoreCompletion, Occurrence, State
from chores.tasks.models.occurrence import STANDING

if TYPE_CHECKING:
    from typing import Any

logger = logging.getLogger(__name__)
WEEK = datetime.timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """A mail that is due: its subject and what its template needs."""

    kind: NoticeKind
    subject: str
    context: dict[str, Any]


def send_due_messages(*, now: datetime.datetime | None = None) -> int:
    """Send whatever is due to members at their households' morning hour.

    An address that the server refuses keeps nobody else from theirs.
    """
    now = now or timezone.now()
    hour = DIGEST_HOUR.get()
    waiting = (member for member in recipients() if is_morning(member, now, hour))
    return sum(send_all(member, now) for member in waiting)


def send_all(member: Membership, now: datetime.datetime) -> int:
    """Send whatever is due to a member; return how many were sent."""
    sent = 0
    try:
        for letter in letters(member, now):
            sent += send(member, letter, now)
    except OSError:  # smtplib's errors are among them
        logger.exception("mail to member %s was not sent", member.pk)
    return sent


def recipients() -> Iterator[Membership]:
    """Yield members with an address who want mail."""
    members = Membership.objects.active().filter(
        wants_digest=True, household__archived_at__isnull=True
    )
    found = members.exclude(user__isnull=True).exclude(user__email="")
    return found.select_related("household", "user").order_by("pk").iterator()


def is_morning(member: Membership, now: datetime.datetime, hour: int) -> bool:
    """Return whether the household's clock has passed the hour of the digest."""
    wall = now.astimezone(zoneinfo.ZoneInfo(member.household.timezone))
    return hour <= wall.hour < hour + 3


def letters(member: Membership, now: datetime.datetime) -> Iterator[Letter]:
    """Yield what a member is due to get on this day."""
    day = household_day(member.household, now)
    kinds: list[Callable[[Membership, datetime.date], Letter | None]] = [digest]
    if member.role == Role.ADMIN:
        kinds.append(approvals)
    if week_start(member.household, day) == day:
        kinds.append(weekly_letter)
    for make in kinds:
        if letter := make(member, day):
            yield letter


def digest(member: Membership, day: datetime.date) -> Letter | None:
    """Return today's list; None where there is nothing to do."""
    mine = Q(assignee=member) | Q(assignee__isnull=True)
    due = Occurrence.objects.filter(
        mine, household=member.household_id, status="open", due_on__lte=day
    )
    rows = list(due.select_related("chore").order_by("due_on", "due_at"))
    if not rows:
        return None
    context = {"today": day, "occurrences": rows}
    return Letter(kind=NoticeKind.DIGEST, subject="Today's chores", context=context)


def approvals(member: Membership, day: datetime.date) -> Letter | None:
    """Return what waits for an admin; None where nothing does."""
    pending = ChoreCompletion.objects.filter(
        household=member.household_id, state=State.PENDING
    ).exclude(member=member)
    rows = list(pending.select_related("chore", "member").order_by("created_at"))
    if not rows:
        return None
    subject = f"{len(rows)} waiting for your approval"
    context = {"today": day, "completions": rows}
    return Letter(kind=NoticeKind.APPROVALS, subject=subject, context=context)


def weekly_letter(member: Membership, day: datetime.date) -> Letter:
    """Return the story of the week that is over, and what comes in the next."""
    household, first = member.household_id, day - WEEK
    done = ChoreCompletion.objects.filter(
        household=household, state=State.APPROVED, done_on__range=(first, day - DAY)
    )
    helped = done.exclude(occurrence__assignee=None).exclude(
        occurrence__assignee=F("member")
    )
    coming = Occurrence.objects.filter(
        assignee=member, status__in=STANDING, due_on__range=(day, day + WEEK - DAY)
    )
    context = {
        "today": day,
        "people": list(
            done.values("member__name", "member__emoji")
            .annotate(done=Count("pk"), points=Sum("points"))
            .order_by("-points")
        ),
        "helped": list(
            helped.values("member__name", "occurrence__assignee__name")
            .annotate(times=Count("pk"))
            .order_by("-times", "member__name")
        ),
        "badges": list(
            UserAchievement.objects.filter(
                household=household,
                revoked_at__isnull=True,
                awarded_at__gte=start_of(member.household, first),
            ).select_related("achievement", "member")
        ),
        "coming": list(coming.select_related("chore").order_by("due_on")),
        "streak": streaks(member).current,
        "level": level(member.earned),
    }
    return Letter(kind=NoticeKind.LETTER, subject="Your week", context=context)


def send(member: Membership, letter: Letter, now: datetime.datetime) -> bool:
    """Send a letter unless it was sent; return whether it was sent now."""
    day = household_day(member.household, now)
    assert member.user is not None
    with transaction.atomic():
        _, is_new = Notice.objects.get_or_create(
            member=member,
            kind=letter.kind,
            day=day,
            defaults={"household_id": member.household_id},
        )
        if not is_new:
            return False
        context = {**letter.context, "member": member, "household": member.household}
        send_mail(
            f"{member.household.name}: {letter.subject}",
            render_to_string(f"tasks/mail/{letter.kind}.txt", context),
            None,
            [member.user.email],
        )
    logger.info("%s sent to member %s", letter.kind, member.pk)
    return True
