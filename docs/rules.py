"""Write docs/reference/rules from the rules themselves: python docs/rules.py"""

from __future__ import annotations

from pathlib import Path

from migrationops.lint import registry
from migrationops.lint.rule import Rule

HERE = Path(__file__).parent / "reference" / "rules"
_PYTHON = ("migrations.", "models.", "from ", "class ", "#", "Backfill", "SetNotNull")


def page(rule: Rule) -> str:
    """Return a rule's page."""
    remedy = rule.remedy.strip()
    language = "python" if remedy.startswith(_PYTHON) else "sql"
    advice = "\nDesign advice: opt-in, and it never blocks.\n" if rule.design else ""
    return (
        f"# {rule.id}\n\n{rule.title}.\n{advice}\n"
        f"## Problem\n\n{rule.problem}\n\n"
        f"## Do this instead\n\n```{language}\n{remedy}\n```\n\n"
        f"Source: <{rule.source}>\n"
    )


def index() -> str:
    """Return the list of all rules."""
    rows = [f"| [{r.id}]({r.id}.md) | {r.title} |" for r in registry.built_in()]
    return "\n".join(
        [
            "# Rules of lint_migrations\n",
            "Severity is a matter of facts: a new or empty table makes most of this "
            "safe. Suppress a finding in the migration, with a reason: "
            '`lint_ignore = {"rule-id": "reason"}`.\n',
            'MIGRATIONOPS["LINT"] may hold RULES, dotted paths of more rule classes; '
            "DESIGN, True or the ids of design advice that is wanted; EXCLUDE, ids "
            "that are not.\n",
            "| rule | what it finds |",
            "| --- | --- |",
            *rows,
            "",
        ]
    )


def pages() -> dict[str, str]:
    """Return every page by its file's name."""
    found = {f"{rule.id}.md": page(rule) for rule in registry.built_in()}
    return {"index.md": index(), **found}


if __name__ == "__main__":
    for name, text in pages().items():
        (HERE / name).write_text(text, encoding="utf-8")
