"""The admin's lists of the big tables: under 100 ms, and nothing counted."""

from __future__ import annotations

import statistics
import time

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from chores.accounts.factories import UserFactory

BIG = ("tasks_occurrence", "tasks_chorecompletion", "rewards_pointentry")
REPEATS = 15


def measure_pages() -> None:
    """Time the lists; raise AssertionError when one counts a big table."""
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    print("\n| admin page | ms | ms of processor |\n|---|---|---|")
    for name in BIG:
        url = reverse(f"admin:{name}_changelist")
        with CaptureQueriesContext(connection) as found:
            client.get(url)
        assert not any("COUNT(" in query["sql"] for query in found), name
        measure(client, name, url)
    measure(client, "front page, the platform's figures", reverse("admin:index"), 2)


def measure(client: Client, name: str, url: str, repeats: int = REPEATS) -> None:
    """Print a page's median times."""
    walls, processor = zip(*(timed(client, url) for _ in range(repeats)), strict=True)
    wall, busy = statistics.median(walls), statistics.median(processor)
    print(f"| {name} | {wall * 1000:.0f} | {busy * 1000:.0f} |", flush=True)


def timed(client: Client, url: str) -> tuple[float, float]:
    """Return the seconds by the clock and of this processor that a page takes."""
    start, own = time.perf_counter(), time.process_time()
    assert client.get(url).status_code == 200
    return time.perf_counter() - start, time.process_time() - own
