"""A column of a domain with constraints rewrites the table."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class AddColumnConstrainedDomain(WorkRule):
    id = "add-column-constrained-domain"
    title = "A column of a domain with constraints rewrites the table"
    problem = (
        "PostgreSQL writes every row anew to check a domain's constraint, even when "
        "there is no default. A domain without constraints is free."
    )
    remedy = """\
# The base type, and the domain's rule as a constraint of the table:
migrations.AddField("order", "quantity", models.IntegerField(null=True)),
check = models.CheckConstraint(condition=Q(quantity__gt=0), name="order_quantity")
AddCheck("order", check)  # atomic = False
"""
    source = "https://www.postgresql.org/docs/current/sql-altertable.html"
    causes = ("add-column-constrained-domain",)


RULE = AddColumnConstrainedDomain()
