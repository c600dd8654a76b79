"""One verb a file, named as its command; each returns a frozen report."""

from __future__ import annotations
