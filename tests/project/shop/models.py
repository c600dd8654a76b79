"""Empty, yet here: Django sends its signals only for apps that have this module."""

from __future__ import annotations
