"""The process that a rehearsal runs in: instructions on stdin, result on stdout.

1. Guard the process: nothing but the shadow database may be reached.
2. Point the settings at the shadow, before Django or any app can connect.
3. Perform the plan and print what it did.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import Any, TextIO

from migrationops.rehearsal.isolation import Isolation
from migrationops.rehearsal.record import Failure, Performance

# What would hold a connection elsewhere, or say where to.
_ELSEWHERE = ("pool", "host", "port", "dbname", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What the parent sends; a JSON object of the same keys.

    `shadow` are libpq's parameters; of `aliases` those that are true get the shadow,
    the others no database at all.
    """

    alias: str
    shadow: dict[str, Any]
    aliases: dict[str, bool]
    migrations: list[tuple[str, str]]

    @classmethod
    def read(cls, stream: TextIO) -> Instructions:
        data = json.load(stream)
        keys = [(app, name) for app, name in data["migrations"]]
        return cls(**{**data, "migrations": keys})


def main() -> None:
    # Whatever the project prints must not get between the lines of the result.
    result = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    instructions = Instructions.read(sys.stdin)
    isolation = Isolation(database=instructions.shadow["dbname"])
    isolation.install()
    with result:
        json.dump(_perform(instructions, isolation).to_json(), result)


def _perform(instructions: Instructions, isolation: Isolation) -> Performance:
    try:
        import django
        from django.conf import settings

        redirect(settings, instructions)
        django.setup()

        import psycopg

        from migrationops.rehearsal.perform import perform

        with psycopg.connect(**instructions.shadow, autocommit=True) as beside:
            return perform(
                instructions.alias, instructions.migrations, isolation, beside
            )
    except Exception as exc:
        error = f"{type(exc).__name__}: {exc}".strip()
        failure = Failure(migration="", operation="", error=error)
        return Performance(failure=failure, refusals=tuple(isolation.refusals))


def redirect(settings: Any, instructions: Instructions) -> None:
    """Point every alias at the shadow or at nothing, and keep messages in memory."""
    for alias, is_shadow in instructions.aliases.items():
        given = settings.DATABASES.get(alias) or settings.DATABASES["default"]
        shadow = _database(given, instructions.shadow)
        # Without a name the guard refuses it, and says which.
        settings.DATABASES[alias] = (
            shadow if is_shadow else {**shadow, "NAME": f"<alias {alias}>"}
        )
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    memory = "django.core.cache.backends.locmem.LocMemCache"
    settings.CACHES = {
        name: {"BACKEND": memory, "LOCATION": name}
        for name in getattr(settings, "CACHES", {"default": {}})
    }
    if hasattr(settings, "Q_CLUSTER"):
        settings.Q_CLUSTER = {"name": "rehearsal", "orm": instructions.alias}
    if hasattr(settings, "TASKS"):
        dummy = {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}
        settings.TASKS = dict.fromkeys(settings.TASKS, dummy)
    settings.CELERY_BROKER_URL = "memory://"


def _database(given: dict[str, Any], shadow: dict[str, Any]) -> dict[str, Any]:
    options = {
        key: value
        for key, value in given.get("OPTIONS", {}).items()
        if key not in _ELSEWHERE
    }
    names = {"NAME": "dbname", "HOST": "host", "PORT": "port"}
    names |= {"USER": "user", "PASSWORD": "password"}
    return {
        **given,
        **{key: str(shadow.get(name) or "") for key, name in names.items()},
        "CONN_MAX_AGE": 0,
        "OPTIONS": options,
    }


if __name__ == "__main__":
    main()
