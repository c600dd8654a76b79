"""A process that can reach its shadow database only; it runs a project's migrations.

Instructions come on stdin, the result goes to stdout.

1. Guard the process: nothing but the shadow database may be reached.
2. Point the settings at the shadow, before Django or any app can connect.
3. Call the task and print what it returns.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import Any, TextIO

from psycopg import pq

from migrationops.shadow.isolation import Isolation

# libpq's say where to and how; but "options" are the session's settings.
_CONNECTING = {o.keyword.decode() for o in pq.Conninfo.get_defaults()} - {"options"}
_NAMES = {
    "NAME": "dbname",
    "HOST": "host",
    "PORT": "port",
    "USER": "user",
    "PASSWORD": "password",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """What the parent sends; a JSON object of the same keys.

    `task` is "module:function"; it is called with these and the isolation, and what
    it returns must be JSON. `shadow` are libpq's parameters; of `aliases` those that
    are true get the shadow, the others no database at all.
    """

    task: str
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
        outcome = _attempt(instructions, isolation)
        json.dump(
            {**outcome, "refusals": [r.to_json() for r in isolation.refusals]}, result
        )


def _attempt(instructions: Instructions, isolation: Isolation) -> dict[str, Any]:
    try:
        import django
        from django.conf import settings

        redirect(settings, instructions)
        django.setup()

        module, function = instructions.task.split(":")
        task = getattr(import_module(module), function)
        return {"result": task(instructions, isolation)}
    except (Exception, SystemExit) as exc:
        return {"error": f"{type(exc).__name__}: {exc}".strip()}


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
        settings.Q_CLUSTER = {"name": "shadow", "orm": instructions.alias}
    if hasattr(settings, "TASKS"):
        dummy = {"BACKEND": "django.tasks.backends.dummy.DummyBackend"}
        settings.TASKS = dict.fromkeys(settings.TASKS, dummy)
    settings.CELERY_BROKER_URL = "memory://"


def _database(given: dict[str, Any], shadow: dict[str, Any]) -> dict[str, Any]:
    """Connect as the shadow is connected to, with the session that is given."""
    session = {
        key: value
        for key, value in given.get("OPTIONS", {}).items()
        if key not in _CONNECTING and key != "pool"
    }
    named = _NAMES.values()
    own = {key: value for key, value in shadow.items() if key not in named}
    return {
        **given,
        **{key: str(shadow.get(name) or "") for key, name in _NAMES.items()},
        "CONN_MAX_AGE": 0,
        "OPTIONS": {**session, **own},
    }


if __name__ == "__main__":
    main()
