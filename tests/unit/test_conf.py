from __future__ import annotations

from dataclasses import fields

import pytest

from migrationops.conf import PRESETS, LintMode, OnFailure, Proof, get_conf, parse
from migrationops.environments import Environment
from migrationops.exceptions import ConfigurationError, RefusedError


def test_the_environment_chooses_the_policy() -> None:
    policy = parse({"ENVIRONMENT": "production"}).policy

    assert policy.backup is Proof.RESTORED
    assert policy.rehearse


def test_policy_fields_can_be_overridden() -> None:
    raw = {
        "ENVIRONMENT": "staging",
        "WAIT": "3",  # as an environment gives it
        "POLICY": {"backup": "rehearsed", "on_failure": "reverse"},
    }

    policy = parse(raw).policy

    assert (policy.wait, policy.backup, policy.on_failure) == (
        3,
        Proof.REHEARSED,
        OnFailure.REVERSE,
    )


def test_every_field_may_be_overridden() -> None:
    preset = PRESETS[Environment.STAGING]
    given = {f.name: getattr(preset, f.name) for f in fields(preset)}
    del given["name"], given["strictness"]

    assert parse({"ENVIRONMENT": "staging", "POLICY": given}).policy == preset


@pytest.mark.parametrize(
    ("raw", "named"),
    [
        ({}, "ENVIRONMENT is required"),
        ({"ENVIRONMENT": "prod"}, "'prod' is no environment"),
        ({"ENVIRONMENT": "test", "BACKUPDIR": "/x"}, "BACKUPDIR is not a key"),
        ({"ENVIRONMENT": "test", "POLICY": {"lnit": "off"}}, "no field lnit"),
        ({"ENVIRONMENT": "test", "POLICY": {"backup": "some"}}, "backup"),
        ({"ENVIRONMENT": "test", "POLICY": {"rehearse": "no"}}, "rehearse cannot be"),
        ({"ENVIRONMENT": "test", "TIME_BUDGET": "an hour"}, "time_budget cannot be"),
        ({"ENVIRONMENT": "test", "WAIT": -1}, "wait cannot be -1"),
        ({"ENVIRONMENT": "test", "WAIT": None}, "wait cannot be None"),
        ({"ENVIRONMENT": "test", "POLICY": {"engine": "tar"}}, "engine"),
        ({"ENVIRONMENT": "test", "PGBACKREST": {}}, "stanza cannot be ''"),
        ({"ENVIRONMENT": "test", "PGBACKREST": {"stanza": "--x"}}, "stanza cannot be"),
        ({"ENVIRONMENT": "test", "PGBACKREST": {"stnza": "m"}}, "stnza is not a key"),
        (
            {"ENVIRONMENT": "test", "PGBACKREST": {"stanza": "m", "type": "all"}},
            "type is one of incr, diff, full",
        ),
        # A text is a list, too: of one letter each, the first of which would sign.
        ({"ENVIRONMENT": "test", "SIGNING_KEYS": "topsecret"}, "KEYS is a list$"),
        # A variable that is not set: dumps in whatever directory a command is run.
        ({"ENVIRONMENT": "test", "BACKUP_DIR": ""}, "BACKUP_DIR is empty"),
    ],
)
def test_what_is_wrong_is_named(raw: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        parse(raw)


def test_absent_settings_say_which_lines_to_add(settings: object) -> None:
    del settings.MIGRATIONOPS  # type: ignore[attr-defined]

    with pytest.raises(ConfigurationError, match=r"MIGRATIONOPS = \{"):
        get_conf()


def test_a_stricter_policy_may_be_asked_for_a_laxer_not() -> None:
    conf = parse({"ENVIRONMENT": "staging"})

    assert conf.under("production").policy.name == "production"
    with pytest.raises(RefusedError, match="laxer"):
        conf.under("development")


def test_secrets_do_not_show_in_its_text() -> None:
    conf = parse({"ENVIRONMENT": "test", "SIGNING_KEYS": ["topsecret"]})

    assert "topsecret" not in repr(conf)


def test_a_stricter_policy_keeps_what_is_no_matter_of_strictness() -> None:
    own = {"backup": "rehearsed", "on_failure": "reverse"}
    conf = parse({"ENVIRONMENT": "production", "POLICY": own, "TIME_BUDGET": 600.0})
    assert conf.under("production").policy == conf.policy

    staging = parse({"ENVIRONMENT": "staging", "POLICY": own, "TIME_BUDGET": 600.0})
    stricter = staging.under("production").policy
    assert stricter.backup is Proof.REHEARSED
    assert (stricter.on_failure, stricter.time_budget) == (OnFailure.REVERSE, 600.0)
    assert stricter.wait == PRESETS[Environment.PRODUCTION].wait


@pytest.mark.parametrize("asked", ["test", "development", "staging"])
def test_no_policy_takes_back_what_the_settings_demand(asked: str) -> None:
    demanded = {"lint": "refuse", "rehearse": True, "backup": "restored"}
    policy = parse({"ENVIRONMENT": "test", "POLICY": demanded}).under(asked).policy

    assert (policy.lint, policy.rehearse) == (LintMode.REFUSE, True)
    assert policy.backup is Proof.RESTORED
