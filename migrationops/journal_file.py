"""A run's second copy, on this host's disk: for when the server is gone."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from migrationops.exceptions import PreconditionError

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class JournalFile:
    """One JSON object a line, each on the disk before the next thing happens."""

    path: Path

    def begin(self, event: str, **values: Any) -> None:
        """Write the first line; raise PreconditionError when that cannot be done."""
        try:
            self._append(event, values)
        except OSError as exc:
            raise PreconditionError(
                f"The state directory {self.path.parent} cannot be written: "
                f"{exc.strerror}. Nothing was changed.",
                remedy="Make it writable, or set MIGRATIONOPS['STATE_DIR'].",
            ) from exc

    def note(self, event: str, **values: Any) -> None:
        """Write a line; where that fails in mid-run, the database's rows are enough."""
        try:
            self._append(event, values)
        except OSError as exc:
            logger.warning(
                "%s cannot be written (%s); the history in the database is whole.",
                self.path,
                exc.strerror,
                extra={"action": "journal"},
            )

    def _append(self, event: str, values: dict[str, Any]) -> None:
        at = datetime.now(UTC).isoformat()
        line = json.dumps({"at": at, "event": event, **values})
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())
