"""The entry point of seeding: what an environment gets, and how much of it."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from random import Random

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.utils import timezone
from psycopg import sql

from chores.exceptions import NotAllowedError
from chores.integrity import tenant_models
from chores.scenarios import development, staging
from chores.scenarios.batch import Batch, Ids, next_ids, store
from chores.tasks.generator import generate

ENVIRONMENTS = ("development", "staging")
BATCH_ROWS = 50_000
SEEDED = "seeded-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """How many rows of each table were added."""

    rows: dict[str, int]

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def load(
    environment: str,
    *,
    scale: int = 1,
    random_seed: int = 0,
    flush: bool = False,
    alias: str = DEFAULT_DB_ALIAS,
    today: datetime.date | None = None,
    progress: Callable[[int], None] | None = None,
) -> Loaded:
    """Add believable data; the same seed and day give the same rows.

    development gives half a year to every household that has none; staging adds
    `scale` households. With flush, everything of households is deleted first.
    progress gets the number of rows after each batch.
    """
    if environment not in ENVIRONMENTS:
        raise NotAllowedError(f"Only {' and '.join(ENVIRONMENTS)} are seeded.")
    if flush:
        truncate(alias)
    today = today or timezone.now().date()
    rng = Random(random_seed)  # noqa: S311
    if environment == "development":
        batches = histories(rng, today, alias)
    else:
        batches = ahead(households(scale, rng, today, next_ids(alias)))
    total: Counter[str] = Counter()
    for rows in store(batches, alias=alias):
        total += rows
        if progress is not None:
            progress(total.total())
    if environment == "development":
        made = generate()
        total["tasks_occurrence"] += made.occurrences
    return Loaded(rows=dict(total))


def histories(rng: Random, today: datetime.date, alias: str) -> Iterator[Batch]:
    """Yield half a year for each household that has none."""
    batch = Batch(next_ids(alias))
    for household in list(development.without_history(alias)):
        development.add_history(batch, household, rng, today, alias)
    yield batch.close()


def households(
    scale: int, rng: Random, today: datetime.date, ids: Ids
) -> Iterator[Batch]:
    """Yield batches of whole households, so that memory stays small."""
    batch = Batch(ids)
    for number in range(1, scale + 1):
        staging.add_household(batch, number, rng, today)
        if batch.count() > BATCH_ROWS or number == scale:
            yield batch.close()
            batch = Batch(ids)


def ahead(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Yield batches while the next one is being made on another processor."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def truncate(alias: str) -> None:
    """Delete everything of all households, and the logins that were seeded."""
    labels = ("accounts", "households", "tasks", "rewards")
    tables = [m._meta.db_table for label in labels for m in tenant_models(label)]
    names = sql.SQL(", ").join(map(sql.Identifier, [*tables, "households_household"]))
    with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
        cursor.execute("SELECT set_config('chores.truncate', 'on', true)")
        cursor.execute(sql.SQL("TRUNCATE {}").format(names))
        cursor.execute(
            "DELETE FROM accounts_user WHERE username LIKE %s", [f"{SEEDED}%"]
        )
