"""The admin's lists of the big tables: under 100 ms, and nothing counted."""

from __future__ import annotations

import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from wsgiref.simple_server import WSGIRequestHandler

from django.conf import settings
from django.core.servers.basehttp import ThreadedWSGIServer
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_q.tasks import async_task

from chores.accounts.factories import UserFactory
from chores.households.models import Membership
from chores.tasks.pulse import JOB, pulse

BIG = ("tasks_occurrence", "tasks_chorecompletion", "rewards_pointentry")
LISTS = (
    *BIG,
    "rewards_redemption",
    "rewards_userachievement",
    "rewards_achievement",
    "tasks_chore",
    "households_household",
    "households_membership",
    "accounts_user",
)
# Rare or absent values: what would walk through a whole table.
FILTERS = (
    ("tasks_chorecompletion", "state__exact=pending"),
    ("tasks_chorecompletion", "state__exact=rejected"),
    ("tasks_occurrence", "status__exact=submitted"),
    ("rewards_pointentry", "kind__exact=penalty"),
    ("rewards_pointentry", "q=Member+1"),
)
REPEATS = 20


class QuietHandler(WSGIRequestHandler):
    """Answers without a line for each request."""

    def log_message(self, *args: object) -> None:
        pass


def measure_pages() -> None:
    """Time the lists; raise AssertionError when one counts anything."""
    client = Client()
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    heavy = Membership.objects.latest("entries").household_id
    pages = [(name, reverse(f"admin:{name}_changelist")) for name in LISTS]
    pages += [
        (f"{name}, {query}", f"{reverse(f'admin:{name}_changelist')}?{query}")
        for name, query in FILTERS
    ]
    hub = reverse("admin:households_household_change", args=[heavy])
    pages += [("household hub", hub), ("front page", reverse("admin:index"))]
    start = time.perf_counter()
    pulse()
    print(f"\nThe front page's job takes {time.perf_counter() - start:.2f} s.")
    assert async_task(JOB, sync=True)
    print("\n| admin page | queries | ms | ms of processor | ms through a server |")
    print("|---|---|---|---|---|")
    with serving() as address:
        for name, url in pages:
            report(client, name, url, address)


def report(client: Client, name: str, url: str, address: str) -> None:
    """Print a page's queries and median times."""
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    queries = len(found)
    counted = [query["sql"] for query in found if "COUNT(" in query["sql"]]
    assert not counted or name == "household hub", (name, counted)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.session.session_key}"
    request = urllib.request.Request(address + url, headers={"Cookie": cookie})
    wall, busy = timed(lambda: client.get(url).content)
    served, _ = timed(lambda: fetch(request))
    times = f"{wall:.0f} | {busy:.0f} | {served:.0f}"
    print(f"| {name} | {queries} | {times} |", flush=True)


def fetch(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
    assert b'id="user-tools"' in body
    return body


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Return the median milliseconds by the clock and of this processor."""
    call()
    walls, busy = [], []
    for _ in range(REPEATS):
        start, own = time.perf_counter(), time.process_time()
        call()
        walls.append(1000 * (time.perf_counter() - start))
        busy.append(1000 * (time.process_time() - own))
    return statistics.median(walls), statistics.median(busy)


@contextmanager
def serving() -> Iterator[str]:
    """Serve the application in a thread of its own; give its address."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietHandler)
    server.set_app(get_wsgi_application())
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
