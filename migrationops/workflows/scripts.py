"""Raw scripts of SQL, as lint_migrations and rehearse are given them."""

from __future__ import annotations

from pathlib import Path

from migrationops.exceptions import PreconditionError


def read_script(path: Path) -> str:
    """Return the text of a script; raise PreconditionError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")  # editors leave a mark
    except (OSError, UnicodeDecodeError) as exc:
        raise PreconditionError(
            f"{path} cannot be read: {exc}; nothing was changed.",
            remedy="Give a readable file of SQL in UTF-8.",
        ) from exc
