from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class ShopConfig(AppConfig):
    name = "tests.project.shop"

    def ready(self) -> None:
        pre_migrate.connect(note, dispatch_uid="pre")
        post_migrate.connect(note, dispatch_uid="post")
        post_migrate.connect(pause, sender=self)


def note(*, sender: AppConfig, signal: Any, using: str, **rest: Any) -> None:
    """Write what came with the signal to the file that a test named, if one did."""
    if path := os.environ.get("SIGNALS"):
        models = sorted(m._meta.label for m in rest["apps"].get_models())
        line = {
            "signal": "pre" if signal is pre_migrate else "post",
            "app": sender.label,
            "using": using,
            "plan": [
                (str(migration), backwards) for migration, backwards in rest["plan"]
            ],
            "models": models,
            "keys": sorted(rest),
        }
        with Path(path).open("a") as file:
            file.write(json.dumps(line) + "\n")


def pause(*, using: str, **rest: Any) -> None:
    """Run the statement with which a test stops a run here, if it does."""
    if statement := os.environ.get("AT_POST_MIGRATE"):
        with connections[using].cursor() as cursor:
            cursor.execute(statement)
