"""What every page may show."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def environment(_request: HttpRequest) -> dict[str, str]:
    """Name the environment: a person should see where they are."""
    return {"environment": settings.ENVIRONMENT}
