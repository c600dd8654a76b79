"""Load an environment's fixtures, gated by settings, option and stamp."""

from __future__ import annotations

from dataclasses import dataclass

from migrationops import seeding, stamp
from migrationops.conf import get_conf
from migrationops.postgres.locks import runner_lock
from migrationops.seeding import Seeded


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
    with runner_lock(
        alias,
        maintenance_db=conf.maintenance_db,
        wait=conf.policy.wait,
        application="migrationops seed",
    ):
        seeded = seeding.load_fixtures(alias, conf)
    return Report(database=standing.database, environment=environment, seeded=seeded)
