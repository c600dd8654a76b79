"""What must not happen is refused by the database, whatever the code does."""

from __future__ import annotations

import io
import uuid
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import RestrictedError

from chores.households.households import purge_household
from chores.households.models import Household, Membership
from chores.integrity import TenantKey, missing_keys
from chores.rewards.ledger import adjust
from chores.rewards.models import PointEntry
from chores.rewards.verification import verify_ledger
from tests.factories import (
    AbsenceFactory,
    AchievementFactory,
    AdminFactory,
    ChoreCompletionFactory,
    ChoreFactory,
    ChoreParticipantFactory,
    MembershipFactory,
    OccurrenceFactory,
    PointEntryFactory,
    RedemptionFactory,
    UserAchievementFactory,
    VerificationTokenFactory,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.home import Home

pytestmark = pytest.mark.django_db


def refused(command: Callable[[], Any], constraint: str) -> None:
    """Assert that a command, with its deferred constraints, is refused by one."""
    with pytest.raises((IntegrityError, psycopg.IntegrityError)) as caught:
        run(command)
    error: Any = caught.value.__cause__ or caught.value
    assert error.diag.constraint_name == constraint


@transaction.atomic
def run(command: Callable[[], Any]) -> None:
    command()
    connection.check_constraints()


def sql(statement: str, *parameters: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def test_a_second_live_completion() -> None:
    first = ChoreCompletionFactory()
    refused(
        lambda: ChoreCompletionFactory(occurrence=first.occurrence), "completion_live"
    )


@pytest.mark.parametrize(
    ("factory", "constraint"),
    [
        (ChoreCompletionFactory, "completion_nonce"),
        (RedemptionFactory, "redemption_nonce"),
        (PointEntryFactory, "entry_nonce"),
    ],
)
def test_the_same_post_twice(factory: Any, constraint: str) -> None:
    nonce = uuid.uuid4()
    first = factory(nonce=nonce)
    refused(
        lambda: factory(nonce=nonce, member=first.member, household=first.household),
        constraint,
    )


def test_the_end_of_a_member_with_a_history() -> None:
    member = PointEntryFactory().member
    refused(
        lambda: sql("DELETE FROM households_membership WHERE id = %s", member.pk),
        "rewards_pointentry_member_id_tenant_fk",
    )
    with pytest.raises(RestrictedError):
        member.delete()


def test_the_review_of_ones_own_work() -> None:
    done = ChoreCompletionFactory()
    done.reviewed_by, done.reviewed_at = done.member, done.done_at
    refused(done.save, "completion_not_reviewed_by_doer")


def test_an_overdraft_by_a_redemption() -> None:
    wish = RedemptionFactory(cost=5)
    refused(
        lambda: PointEntryFactory(
            member=wish.member, kind="redeem", amount=-5, redemption=wish
        ),
        "entry_no_overdraft",
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE rewards_pointentry SET amount = 99",
        "DELETE FROM rewards_pointentry",
    ],
)
def test_a_change_of_the_ledger(statement: str) -> None:
    PointEntryFactory()
    refused(lambda: sql(statement), "entry_append_only")


def test_a_truncate_of_the_ledger() -> None:
    sql("SET LOCAL chores.truncate = 'off'")
    refused(lambda: sql("TRUNCATE rewards_pointentry CASCADE"), "entry_append_only")


def test_a_reversal_twice() -> None:
    entry = PointEntryFactory(amount=10)
    fields = {"member": entry.member, "kind": "reversal", "reverses": entry}
    PointEntryFactory(amount=-10, **fields)
    refused(lambda: PointEntryFactory(amount=-10, **fields), "entry_reversed_once")


@pytest.mark.parametrize("amount", [-9, 10])
def test_a_reversal_of_another_size(amount: int) -> None:
    entry = PointEntryFactory(amount=10)
    fields = {"member": entry.member, "kind": "reversal", "reverses": entry}
    refused(
        lambda: PointEntryFactory(amount=amount, **fields), "entry_reversal_mirrors"
    )


def test_a_reversal_of_nothing() -> None:
    refused(lambda: PointEntryFactory(kind="reversal", amount=-3), "entry_shape")


def test_a_penalty_without_a_word() -> None:
    refused(lambda: PointEntryFactory(kind="penalty", amount=-3), "entry_shape")


def test_a_sequence_of_ones_own() -> None:
    refused(lambda: PointEntryFactory(seq=1, balance_after=10), "entry_seq_given")


def test_a_balance_without_its_entry() -> None:
    refused(lambda: MembershipFactory(balance=10), "membership_balance_matches")


def test_points_minted_by_an_ignored_conflict() -> None:
    done = ChoreCompletionFactory(state="approved")
    fields = {
        "household": done.household,
        "member": done.member,
        "kind": "chore",
        "amount": 10,
        "completion": done,
    }
    PointEntry.objects.create(**fields)
    refused(
        lambda: PointEntry.objects.bulk_create(
            [PointEntry(**fields)], ignore_conflicts=True
        ),
        "membership_balance_matches",
    )


def test_a_stale_save_keeps_the_balance() -> None:
    member = MembershipFactory()
    stale = Membership.objects.get(pk=member.pk)
    PointEntryFactory(member=member, amount=10)
    stale.name = "Renamed"
    stale.save()
    PointEntryFactory(member=member, amount=5)
    member.refresh_from_db()
    assert (member.name, member.balance, member.entries) == ("Renamed", 15, 2)
    connection.check_constraints()


@pytest.mark.parametrize("allowed", [False, True])
def test_a_copy_into_the_ledger_needs_the_switch(allowed: bool) -> None:
    member = MembershipFactory()
    row = f"{member.household_id}\t{member.pk}\t1\t7\t7\tbonus\t7\t\n"

    def load() -> None:
        if allowed:
            sql("SET LOCAL chores.load = 'on'")
        with connection.cursor() as cursor:
            statement = (
                "COPY rewards_pointentry (household_id, member_id, seq, "
                "balance_after, earned_delta, kind, amount, note) FROM STDIN"
            )
            with cursor.copy(statement) as copy:
                copy.write(row)
            cursor.execute(
                "UPDATE households_membership SET balance = 7, earned = 7, "
                "entries = 1 WHERE id = %s",
                [member.pk],
            )

    if not allowed:
        refused(load, "entry_seq_given")
        return
    load()
    connection.check_constraints()
    assert verify_ledger(members=[member.pk]) == []


def test_a_chore_without_its_rule() -> None:
    refused(lambda: ChoreFactory(rrule=""), "chore_schedule_shape")
    refused(
        lambda: ChoreFactory(schedule="after", every_days=None), "chore_schedule_shape"
    )
    refused(
        lambda: ChoreFactory(schedule="after", every_days=3, lead_days=3),
        "chore_schedule_shape",
    )


def test_negative_points() -> None:
    refused(lambda: ChoreFactory(points=-1), "tasks_chore_points_check")


def test_a_chore_of_no_length() -> None:
    refused(lambda: ChoreFactory(minutes=0), "chore_minutes_positive")


def test_the_same_name_in_other_letters() -> None:
    chore = ChoreFactory(name="Dishes")
    refused(
        lambda: ChoreFactory(household=chore.household, name="dishes"), "chore_name_ci"
    )


def test_an_admin_without_a_login() -> None:
    refused(lambda: AdminFactory(user=None), "membership_admin_signs_in")
    admin = AdminFactory()
    refused(admin.user.delete, "membership_admin_signs_in")


def test_overlapping_absences() -> None:
    absence = AbsenceFactory()
    start = absence.days.lower
    inside = DateRange(start, absence.days.upper)
    refused(
        lambda: AbsenceFactory(member=absence.member, days=inside), "absence_no_overlap"
    )
    AbsenceFactory(days=inside)


def test_done_without_a_date_of_closing() -> None:
    refused(lambda: OccurrenceFactory(status="done"), "occurrence_closed")


def test_the_same_slot_twice() -> None:
    first = OccurrenceFactory()
    refused(
        lambda: OccurrenceFactory(chore=first.chore, due_on=first.due_on),
        "occurrence_slot",
    )


FOREIGN: list[tuple[Any, str, Any, str]] = [
    (ChoreParticipantFactory, "member", MembershipFactory, "tasks_choreparticipant"),
    (OccurrenceFactory, "chore", ChoreFactory, "tasks_occurrence"),
    (OccurrenceFactory, "assignee", MembershipFactory, "tasks_occurrence"),
    (OccurrenceFactory, "turn_of", MembershipFactory, "tasks_occurrence"),
    (OccurrenceFactory, "spawned_from", OccurrenceFactory, "tasks_occurrence"),
    (ChoreCompletionFactory, "member", MembershipFactory, "tasks_chorecompletion"),
    (ChoreCompletionFactory, "recorded_by", MembershipFactory, "tasks_chorecompletion"),
    (ChoreCompletionFactory, "via", VerificationTokenFactory, "tasks_chorecompletion"),
    (UserAchievementFactory, "achievement", AchievementFactory, ""),
    (AchievementFactory, "chore", ChoreFactory, "rewards_achievement"),
    (PointEntryFactory, "created_by", MembershipFactory, "rewards_pointentry"),
    (VerificationTokenFactory, "created_by", MembershipFactory, ""),
]


@pytest.mark.parametrize(
    ("factory", "field", "other", "table"),
    FOREIGN,
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_row_of_another_household(
    factory: Any, field: str, other: Any, table: str
) -> None:
    table = table or factory._meta.model._meta.db_table
    home = MembershipFactory().household
    stranger = other()
    fields: dict[str, Any] = {field: stranger}
    if field == "chore" and factory is OccurrenceFactory:
        fields["household"] = home
    if factory is ChoreCompletionFactory and field == "member":
        occurrence = OccurrenceFactory()
        fields = {
            "occurrence": occurrence,
            "member": stranger,
            "recorded_by": MembershipFactory(household=occurrence.household),
        }
    refused(lambda: factory(**fields), f"{table}_{field}_id_tenant_fk")


def test_verify_ledger_names_a_restored_balance(home: Home) -> None:
    adjust(home.cy, 10, actor=home.ann, note="")
    call_command("verify_ledger", stdout=io.StringIO())
    sql("SET LOCAL chores.load = 'on'")
    sql("UPDATE households_membership SET balance = 3 WHERE id = %s", home.cy.pk)
    with pytest.raises(CommandError, match="1 members differ"):
        call_command("verify_ledger", stdout=io.StringIO())
    (found,) = verify_ledger()
    assert found.problems == "balance is 3, entries say 10"
    sql("UPDATE households_membership SET balance = 10 WHERE id = %s", home.cy.pk)


def test_a_household_goes_as_a_whole_or_not_at_all(home: Home) -> None:
    adjust(home.cy, 10, actor=home.ann, note="")
    home.chore()
    refused(home.household.delete, "entry_append_only")
    with pytest.raises(Exception, match="Type the household's name"):
        purge_household(home.household, typed_name="home")
    other = MembershipFactory()
    purge_household(home.household, typed_name="Home")
    connection.check_constraints()
    assert list(Household.objects.all()) == [other.household]
    assert not PointEntry.objects.exists()


def test_a_missing_key_is_named() -> None:
    key = TenantKey(
        table="tasks_chore", column="nobody_id", target="households_membership"
    )
    assert list(missing_keys(connection, [key])) == [
        "tasks_chore_nobody_id_tenant_fk on tasks_chore is missing"
    ]
