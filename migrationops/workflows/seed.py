"""Load an environment's fixtures, gated by settings, option and stamp."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops import seeding, stamp
from migrationops.conf import get_conf
from migrationops.seeding import Seeded
from migrationops.workflows.preparation import locked


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    database: str
    environment: str
    seeded: Seeded


def seed(*, alias: str, environment: str) -> Report:
    """Seed the database, or raise RefusedError with nothing changed."""
    conf = get_conf()
    seeding.require_seedable(conf, environment)
    standing = stamp.require_environment(alias, conf)
    with locked(alias, conf, "seed"):
        seeded = seeding.load_fixtures(alias, conf)
    return Report(database=standing.database, environment=environment, seeded=seeded)
