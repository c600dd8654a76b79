"""Forms of the admin: what they refuse, they refuse with the services' sentence."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget
from django.core.exceptions import ValidationError

from chores.exceptions import ChoresError
from chores.households import absences, members
from chores.households.configuration import SETTINGS
from chores.households.models import Absence, Membership, Role, SystemSetting


class MembershipForm(forms.ModelForm[Membership]):
    """Refuses to leave a household without an admin."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        stays = cleaned.get("role") == Role.ADMIN and cleaned.get("user") is not None
        if self.instance.pk and not stays:
            _, member = members.lock_member(self.instance)
            try:
                members.require_another_admin(member)
            except ChoresError as refusal:
                raise ValidationError(str(refusal)) from None
        return cleaned


class AbsenceForm(forms.ModelForm[Absence]):
    """Both dates are inclusive."""

    first = forms.DateField(widget=AdminDateWidget)
    last = forms.DateField(widget=AdminDateWidget)

    class Meta:
        model = Absence
        fields = ("member", "note")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if {"member", "first", "last"} <= set(cleaned):
            try:
                days = absences.day_range(cleaned["first"], cleaned["last"])
            except ChoresError as refusal:
                raise ValidationError(str(refusal)) from None
            self.instance.household_id = cleaned["member"].household_id
            self.instance.days = days
            self.instance.member = cleaned["member"]
            self.instance.validate_constraints()
        return cleaned


class SettingForm(forms.ModelForm[SystemSetting]):
    """A value is checked by its key's type."""

    class Meta:
        model = SystemSetting
        fields = ("key", "value")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        key = cleaned.get("key") or self.instance.key
        if key not in SETTINGS:
            raise ValidationError(f"Settings are {', '.join(sorted(SETTINGS))}.")
        if "value" in cleaned:
            SETTINGS[key].parse(cleaned["value"])
        return cleaned
