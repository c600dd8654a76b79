"""The triggers that keep the ledger."""

from __future__ import annotations

from chores.integrity import Trigger

LEDGER = ("rewards", "0004_expand_ledger_triggers")

TRIGGERS = (
    Trigger(
        table="households_membership",
        name="ledger_keep",
        function="ledger_keep",
        body="7ac47ddbb6b6d9af7eec5234b97093e4",
        migration=LEDGER,
    ),
    Trigger(
        table="rewards_pointentry",
        name="ledger_a_load",
        function="ledger_load",
        body="7086cf0aeffb7cfa9225953df5777d2e",
        migration=LEDGER,
    ),
    Trigger(
        table="households_membership",
        name="ledger_match",
        function="ledger_match",
        body="bb7e66cee774e387b5fc4d3f9e93403e",
        migration=LEDGER,
    ),
    Trigger(
        table="rewards_pointentry",
        name="ledger_b_post",
        function="ledger_post",
        body="ef7b9070932a1ca5add76ad37616dabd",
        migration=LEDGER,
    ),
    Trigger(
        table="rewards_pointentry",
        name="ledger_refuse_change",
        function="ledger_refuse",
        body="376e22e25450383386e4b257c5743107",
        migration=LEDGER,
    ),
    Trigger(
        table="rewards_pointentry",
        name="ledger_refuse_truncate",
        function="ledger_refuse",
        body="376e22e25450383386e4b257c5743107",
        migration=LEDGER,
    ),
)
