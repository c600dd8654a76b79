"""A lint report as text: for people, for SARIF viewers, for GitHub."""

from __future__ import annotations

import json
from collections.abc import Iterable
from textwrap import indent
from typing import Any

from migrationops.lint import registry
from migrationops.lint.finding import Finding, Severity
from migrationops.lint.report import LintReport
from migrationops.wording import many
from migrationops.workflows.lint_migrations import LintedStatement, ScriptReport

FORMATS = ("human", "json", "sarif", "github")
_BLOCKS = {True: "blocks", False: "does not block", None: "cannot be known"}
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {
    Severity.SAFE: "note",
    Severity.CAREFUL: "warning",
    Severity.DANGEROUS: "error",
}
_COMMANDS = {"note": "notice", "warning": "warning", "error": "error"}


def script_text(report: ScriptReport) -> str:
    """Write each statement with what it does and what was found."""
    parts = [_statement(s) for s in report.statements]
    return "\n".join([*parts, f"Verdict: {report.verdict}"])


def _statement(statement: LintedStatement) -> str:
    effect = statement.effect
    first = " ".join(effect.sql.split())
    fails = f"; will fail: {effect.failure.message}" if effect.failure else ""
    head = f"{effect.index}. {first[:100]}\n   {_BLOCKS[effect.blocks]}{fails}"
    return "\n".join([head, *_lines(statement.findings)])


def _lines(findings: Iterable[Finding]) -> list[str]:
    """Write findings with what to do instead."""
    lines = []
    for finding in findings:
        lines.append(f"   {finding.severity}: {finding.message} [{finding.rule}]")
        lines.append(indent(finding.remedy.rstrip(), "      | ", lambda _line: True))
    return lines


def report_text(report: LintReport, style: str, verbosity: int) -> str:
    """Write the report in one of FORMATS."""
    match style:
        case "sarif":
            return json.dumps(sarif(report), indent=2)
        case "github":
            return "\n".join(_annotation(f) for f in report.findings)
        case "json":
            return json.dumps(report.to_json(), indent=2)
        case _:
            return _human(report, verbosity)


def _human(report: LintReport, verbosity: int) -> str:
    """Write migrations with findings; what is safe only when asked for more."""
    shown = [
        f for f in report.findings if verbosity > 1 or f.severity is not Severity.SAFE
    ]
    parts = []
    for key in dict.fromkeys((f.app, f.migration) for f in shown):
        own = [f for f in shown if (f.app, f.migration) == key]
        parts += [".".join(key), *_lines(own)]
    return "\n".join([*parts, *_summary(report)])


def _summary(report: LintReport) -> list[str]:
    verdicts = [m.verdict for m in report.migrations]
    counts = ", ".join(f"{verdicts.count(s)} {s}" for s in reversed(Severity))
    lines = [f"{many(len(verdicts), 'migration')}: {counts}."]
    if report.suppressed:
        lines.append(
            f"{many(len(report.suppressed), 'finding')} suppressed with a reason:"
        )
        lines += [
            f"   {s.finding.app}.{s.finding.migration} [{s.finding.rule}]: {s.reason}"
            for s in report.suppressed
        ]
    if report.baselined:
        lines.append(f"In the baseline: {many(report.baselined, 'finding')}.")
    if report.unknown:
        lines.append(f"Not known: {'; '.join(report.unknown)}.")
    return lines


def _annotation(finding: Finding) -> str:
    """Write a workflow command that GitHub shows beside the file."""
    command = _COMMANDS[_LEVELS[finding.severity]]
    message = finding.message.replace("%", "%25").replace("\n", "%0A")
    place = f"{finding.app}.{finding.migration}"
    return f"::{command} title={finding.rule}::{place}: {message}"


def sarif(report: LintReport) -> dict[str, Any]:
    """Return the report in the Static Analysis Results Interchange Format 2.1.0."""
    used = {finding.rule for finding in report.findings}
    rules = [
        {
            "id": rule.id,
            "shortDescription": {"text": rule.title},
            "fullDescription": {"text": rule.problem},
            "help": {"text": rule.remedy},
            "helpUri": rule.source,
        }
        for rule in registry.built_in()
        if rule.id in used
    ]
    driver = {"name": "migrationops", "rules": rules}
    results = [_result(finding) for finding in report.findings]
    run = {"tool": {"driver": driver}, "results": results}
    return {"$schema": _SARIF, "version": "2.1.0", "runs": [run]}


def _result(finding: Finding) -> dict[str, Any]:
    place = f"{finding.app}.{finding.migration}"
    return {
        "ruleId": finding.rule,
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [{"logicalLocations": [{"fullyQualifiedName": place}]}],
    }
