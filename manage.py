#!/usr/bin/env python
from __future__ import annotations

import os
import sys


def main() -> None:
    """Run an administrative command; development unless told otherwise."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.development")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    try:
        settings.INSTALLED_APPS  # noqa: B018  reads the settings module
    except ImproperlyConfigured as exc:
        sys.exit(f"{os.environ['DJANGO_SETTINGS_MODULE']}: {exc}")
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
