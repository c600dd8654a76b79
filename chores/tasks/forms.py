"""The chore's form: repetition in words, never a raw rule."""

from __future__ import annotations

import calendar
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from chores.exceptions import RuleError
from chores.tasks import rules
from chores.tasks.models import Chore, Schedule
from chores.tasks.words import LAST_DAY, NAMES, ORDINALS, rule_in_words

MONTHS = [(n, calendar.month_abbr[n]) for n in range(1, 13)]
REPEATS = {
    "day": "days",
    "week": "weeks, on the days below",
    "month": "months, on the date of the start",
    "month_end": "months, on the last day",
    "month_weekday": "months, on a certain weekday",
    "year": "years, on the date of the start",
    "own": "as it is now",
}
FREQ = {"day": "DAILY", "week": "WEEKLY", "year": "YEARLY"}


class ChoreForm(forms.ModelForm[Chore]):
    """Writes the rule from what was chosen, and says what is wrong with it."""

    repeats = forms.ChoiceField(choices=list(REPEATS.items()), required=False)
    interval = forms.IntegerField(
        label="Every", min_value=1, max_value=rules.MAX_INTERVAL, required=False
    )
    weekdays = forms.MultipleChoiceField(
        choices=list(NAMES.items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    ordinal = forms.TypedChoiceField(
        choices=[(n, word) for n, word in ORDINALS.items()], coerce=int, required=False
    )
    months = forms.TypedMultipleChoiceField(
        choices=MONTHS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None means all year.",
    )

    class Meta:
        model = Chore
        fields = (
            *("household", "name", "emoji", "area", "note", "points", "minutes"),
            *("schedule", "every_days", "starts_on", "ends_on", "due_time"),
            *("lead_days", "grace_days", "max_per_day", "assign", "turn_every"),
            *("needs_approval", "paused"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.rrule:
            rule = rules.parse(self.instance.rrule)
            self.initial.update(choices_of(rule))
            self.fields["repeats"].help_text = rule_in_words(rule)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.instance.rrule = ""
        if cleaned.get("schedule") != Schedule.CALENDAR:
            return cleaned
        try:
            self.instance.rrule = self.rule(cleaned).text
        except RuleError as refusal:
            self.add_error("repeats", str(refusal))
        return cleaned

    def _post_clean(self) -> None:
        """Check constraints that Django leaves out since the rule is no field."""
        super()._post_clean()  # type: ignore[misc]
        if not self.errors:
            try:
                self.instance.validate_constraints()
            except ValidationError as refusal:
                self.add_error(None, refusal)

    def rule(self, cleaned: dict[str, Any]) -> rules.Rule:
        """Return the chosen rule; raise RuleError where it never falls."""
        rule = chosen_rule(cleaned, self.initial.get("rule", ""))
        starts_on, household = cleaned.get("starts_on"), cleaned.get("household")
        if self.instance.pk:
            household = self.instance.household
        if household is not None and starts_on is not None:
            rules.require_a_date(
                rule,
                starts_on=starts_on,
                ends_on=cleaned.get("ends_on"),
                week_starts_on=household.week_starts_on,
            )
        return rule


def chosen_rule(chosen: dict[str, Any], own: str) -> rules.Rule:
    """Return the rule that the form's fields describe."""
    repeats = chosen.get("repeats") or "day"
    if repeats == "own":
        return rules.parse(own)
    parts = [f"FREQ={FREQ.get(repeats, 'MONTHLY')}"]
    parts.append(f"INTERVAL={chosen.get('interval') or 1}")
    days = ",".join(chosen.get("weekdays") or ())
    if repeats in ("week", "month_weekday"):
        if not days:
            raise RuleError("Choose the days of the week.")
        parts.append(f"BYDAY={days}")
    if repeats == "month_weekday":
        parts.append(f"BYSETPOS={chosen.get('ordinal') or 1}")
    if repeats == "month_end":
        parts.append(f"BYMONTHDAY={','.join(map(str, LAST_DAY))};BYSETPOS=-1")
    if months := chosen.get("months"):
        parts.append(f"BYMONTH={','.join(map(str, months))}")
    return rules.parse(";".join(parts))


def choices_of(rule: rules.Rule) -> dict[str, Any]:
    """Return the form's fields for a rule; "own" where they cannot say it."""
    chosen: dict[str, Any] = {
        "rule": rule.text,
        "interval": rule.interval,
        "weekdays": list(rule.byday),
        "months": list(rule.bymonth),
        "ordinal": rule.bysetpos[0] if rule.bysetpos else 1,
    }
    for repeats in REPEATS:
        chosen["repeats"] = repeats
        try:
            if chosen_rule(chosen, rule.text) == rule:
                return chosen
        except RuleError:
            continue
    return chosen
