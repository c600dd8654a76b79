"""The PIN of a profile on a shared device."""

from __future__ import annotations

import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils import timezone

from chores.exceptions import ChoresError, NotAllowedError
from chores.households.models import Membership

TRIES = 5
CLOSED_FOR = datetime.timedelta(minutes=15)


def set_pin(member: Membership, pin: str) -> None:
    """Store a PIN of four to eight digits, hashed."""
    if not (pin.isdecimal() and 4 <= len(pin) <= 8):
        raise ChoresError("A PIN has four to eight digits.")
    member.pin = make_password(pin)
    member.pin_tries, member.pin_closed_until = 0, None
    member.save(update_fields=["pin", "pin_tries", "pin_closed_until"])


def check_pin(
    member: Membership, pin: str, *, now: datetime.datetime | None = None
) -> None:
    """Raise NotAllowedError unless the PIN is right.

    After five wrong ones the profile is closed for 15 minutes. Tries are counted
    in a transaction of their own, so that a refusal does not undo the count.
    """
    now = now or timezone.now()
    with transaction.atomic():
        locked = Membership.objects.select_for_update(no_key=True).get(pk=member.pk)
        closed = locked.pin_closed_until
        if closed is not None and closed > now:
            raise NotAllowedError(f"Too many tries; wait until {closed:%H:%M} UTC.")
        right = bool(locked.pin) and check_password(pin, locked.pin)
        locked.pin_tries = 0 if right else locked.pin_tries + 1
        locked.pin_closed_until = None
        if locked.pin_tries >= TRIES:
            locked.pin_tries, locked.pin_closed_until = 0, now + CLOSED_FOR
        locked.save(update_fields=["pin_tries", "pin_closed_until"])
    if not right:
        raise NotAllowedError("The PIN is wrong.")
