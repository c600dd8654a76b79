"""Findings that a migration's author answered for, with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.migrations import Migration

from migrationops.lint.finding import Finding, Suppressed

ATTRIBUTE = "lint_ignore"
_MARKER = "IgnoreMigration"  # django-migration-linter's operation


def split(
    findings: Iterable[Finding], migration: Migration
) -> tuple[list[Finding], list[Suppressed]]:
    """Part the findings that stand from those that are suppressed.

    A migration says `lint_ignore = {"rule-id": "reason"}`; without a reason nothing
    is suppressed. django-migration-linter's IgnoreMigration() covers all of it.
    """
    reasons = _reasons(migration)
    stand: list[Finding] = []
    suppressed: list[Suppressed] = []
    for finding in findings:
        reason = reasons.get(finding.rule) or reasons.get("*", "")
        if reason.strip():
            suppressed.append(Suppressed(finding=finding, reason=reason))
        else:
            stand.append(finding)
    return stand, suppressed


def _reasons(migration: Migration) -> Mapping[str, str]:
    if any(type(o).__name__ == _MARKER for o in migration.operations):
        return {"*": "IgnoreMigration"}
    return getattr(migration, ATTRIBUTE, {})
