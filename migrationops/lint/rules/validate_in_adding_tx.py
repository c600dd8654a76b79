"""VALIDATE runs under the lock of an earlier statement."""

from __future__ import annotations

from migrationops.lint.rule import WorkRule


class ValidateInAddingTx(WorkRule):
    id = "validate-in-adding-tx"
    title = "VALIDATE runs under the lock of an earlier statement"
    problem = (
        "VALIDATE CONSTRAINT lets others write, but the transaction (or the same "
        "ALTER TABLE) already holds a lock that does not: every row is read behind "
        "it."
    )
    remedy = """\
# Two migrations: AddConstraintNotValid in one, ValidateConstraint in the next.
"""
    source = "https://docs.djangoproject.com/en/5.2/ref/contrib/postgres/operations/"
    causes = ("validate-constraint",)


RULE = ValidateInAddingTx()
