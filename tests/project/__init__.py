"""A small stranger's project: migrationops dropped in, nothing of ours around it."""

from __future__ import annotations
