from __future__ import annotations

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import (
    BigIntegerRangeField,
    DateRangeField,
    RangeOperators,
)
from django.db import models
from django.db.models import F, Func, Q, Value


def one_member() -> Func:
    """Return the member as a range: core GiST has no operator class for a bigint."""
    return Func(
        F("member"),
        F("member"),
        Value("[]"),
        function="int8range",
        output_field=BigIntegerRangeField(),
    )


class Absence(models.Model):
    """Days on which a member has nothing to do; the last day is not included."""

    household = models.ForeignKey("households.Household", models.CASCADE)
    member = models.ForeignKey(
        "households.Membership",
        models.CASCADE,
        db_constraint=False,
        related_name="absences",
    )
    days = DateRangeField()
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            ExclusionConstraint(
                name="absence_no_overlap",
                expressions=[
                    (one_member(), RangeOperators.OVERLAPS),
                    ("days", RangeOperators.OVERLAPS),
                ],
                violation_error_message="This overlaps another absence.",
            ),
            models.CheckConstraint(
                condition=Q(days__isempty=False),
                name="absence_has_days",
                violation_error_message="An absence lasts a day at least.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.member_id}: {self.days}"
