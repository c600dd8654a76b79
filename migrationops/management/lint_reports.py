"""A lint report as text for people."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import indent

from migrationops.lint.finding import Finding
from migrationops.workflows.lint_migrations import LintedStatement, ScriptReport

_BLOCKS = {True: "blocks", False: "does not block", None: "cannot be known"}


def script_text(report: ScriptReport) -> str:
    """Write each statement with what it does and what was found."""
    parts = [_statement(s) for s in report.statements]
    return "\n".join([*parts, f"Verdict: {report.verdict}"])


def _statement(statement: LintedStatement) -> str:
    effect = statement.effect
    first = " ".join(effect.sql.split())
    fails = f"; will fail: {effect.failure.message}" if effect.failure else ""
    head = f"{effect.index}. {first[:100]}\n   {_BLOCKS[effect.blocks]}{fails}"
    return "\n".join([head, *finding_lines(statement.findings)])


def finding_lines(findings: Iterable[Finding]) -> list[str]:
    """Write findings with what to do instead."""
    lines = []
    for finding in findings:
        lines.append(f"   {finding.severity}: {finding.message} [{finding.rule}]")
        lines.append(indent(finding.remedy.rstrip(), "      | "))
    return lines
