"""The entry point of seeding: what an environment gets, and how much of it."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from django.db import DEFAULT_DB_ALIAS
from django.utils import timezone

from chores.exceptions import NotAllowedError
from chores.households.models import Household
from chores.processes import produced
from chores.scenarios import development, staging
from chores.scenarios.batch import Batch, Ids, Parcel, next_ids, store
from chores.scenarios.staging import SEEDED
from chores.tasks.generator import generate

ENVIRONMENTS = ("development", "staging")
BATCH_ROWS = 50_000
# From so many households on, another process is worth its second of starting.
MANY = 100


def load(
    environment: str,
    *,
    scale: int = 1,
    random_seed: int = 0,
    alias: str = DEFAULT_DB_ALIAS,
    today: datetime.date | None = None,
    progress: Callable[[int], None] | None = None,
) -> Counter[str]:
    """Add believable data; return the rows by table.

    development gives half a year to every household that has none; staging adds
    households until there are `scale`. The same seed and day give the same rows, and
    a second time adds none. progress gets the number of rows after each batch.
    """
    if environment not in ENVIRONMENTS:
        raise NotAllowedError(f"Only {' and '.join(ENVIRONMENTS)} are seeded.")
    today = today or timezone.now().date()
    if environment == "development":
        parcels = histories(random_seed, today, alias)
    else:
        numbers = range(count_seeded(alias) + 1, scale + 1)
        parcels = new_households(numbers, random_seed, today, next_ids(alias))
    total: Counter[str] = Counter()
    for rows in store(parcels, alias=alias):
        total += rows
        if progress is not None:
            progress(total.total())
    if environment == "development":
        total["tasks_occurrence"] += generate(alias=alias).occurrences
    return +total


def count_seeded(alias: str) -> int:
    """Return how many households were seeded in bulk before."""
    households = Household.objects.using(alias)
    return households.filter(slug__startswith=SEEDED).count()


def histories(seed: int, today: datetime.date, alias: str) -> Iterator[Parcel]:
    """Yield half a year for each household that has none."""
    batch = Batch(Ids(next_ids(alias)))
    for household in list(development.without_history(alias)):
        rng = generator_of(seed, household.slug)
        development.add_history(batch, household, rng, today, alias)
    if batch.count():
        yield batch.pack()


def new_households(
    numbers: range, seed: int, today: datetime.date, following: dict[str, int]
) -> Iterator[Parcel]:
    """Yield households; many of them while the database stores those before."""
    if len(numbers) < MANY:
        return households(numbers, seed, today, following)
    path = f"{households.__module__}.{households.__qualname__}"
    return produced(path, numbers, seed, today, following)


def households(
    numbers: range, seed: int, today: datetime.date, following: dict[str, int]
) -> Iterator[Parcel]:
    """Yield parcels of whole households, so that memory stays small."""
    ids = Ids(following)
    batch = Batch(ids)
    for number in numbers:
        staging.add_household(batch, number, generator_of(seed, number), today)
        if batch.count() > BATCH_ROWS or number == numbers[-1]:
            yield batch.pack()
            batch = Batch(ids)


def generator_of(seed: int, household: object) -> Random:
    """Return a household's own chances: they do not hang on who came before."""
    return Random(f"{seed}/{household}")  # noqa: S311
