from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from chores.accounts import tokens
from chores.accounts.models.token import Purpose
from chores.exceptions import NotAllowedError
from chores.tasks.feed import calendar_of


@require_safe
def calendar_feed(request: HttpRequest, secret: str) -> HttpResponse:
    """Return the feed of whoever the secret names; a wrong one is not found."""
    try:
        member = tokens.find(secret, Purpose.CALENDAR).member
    except NotAllowedError:
        raise Http404 from None
    if member is None or member.left_at is not None:
        raise Http404
    response = HttpResponse(
        calendar_of(member, now=timezone.now()), content_type="text/calendar"
    )
    response["Cache-Control"] = "private, max-age=900"
    return response
