"""A domain's constraint reads every table that uses it."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class DomainConstraint(WorkRule):
    id = "domain-constraint"
    title = "A domain's constraint reads every table that uses it"
    problem = (
        "Adding or validating it reads each table behind SHARE, so nobody can write; "
        "unlike a table's, a domain's VALIDATE blocks too."
    )
    remedy = "# Use the base type, and AddCheck on the table."
    source = "https://www.postgresql.org/docs/current/sql-alterdomain.html"
    causes = ("domain-constraint",)


RULE = DomainConstraint()
