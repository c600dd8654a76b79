"""The history: everyone who may look sees it, nobody changes it there."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.db import connection, connections
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from migrationops.backups.losses import Losses, TableLoss
from migrationops.executor.recorded import StepKind
from migrationops.models import Run
from migrationops.postgres.table_locks import Lock
from migrationops.rehearsal.facts import Facts
from migrationops.rehearsal.record import RehearsedMigration, RehearsedStep
from migrationops.workflows.restored import Report
from tests.factories import UserFactory
from tests.runs import REHEARSAL, UNKNOWN, make_failed, make_run
from tests.sandbox import Sandbox

pytestmark = pytest.mark.django_db

LIST = "/admin/migrationops/run/"


def page_of(run: Run) -> str:
    return f"{LIST}{run.pk}/change/"


@pytest.fixture
def staff(client: Client) -> Client:
    """Return a client of somebody who may see the history and nothing else."""
    user = UserFactory.create(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(user)
    return client


@pytest.mark.parametrize("path", ["add/", "{}/delete/", "{}/history/"])
def test_nobody_adds_or_deletes_runs(admin_client: Client, path: str) -> None:
    run = make_run()

    answer = admin_client.post(LIST + path.format(run.pk), {"post": "yes"})

    assert answer.status_code in (403, 405) or Run.objects.filter(pk=run.pk).exists()
    assert Run.objects.count() == 1


@pytest.mark.parametrize("who", ["admin_client", "staff"])
def test_nobody_changes_a_run(who: str, request: pytest.FixtureRequest) -> None:
    run = make_failed()

    answer = request.getfixturevalue(who).post(page_of(run), {"state": "done"})

    assert answer.status_code == 403
    run.refresh_from_db()
    assert run.state == Run.State.FAILED


@pytest.mark.parametrize("who", ["admin_client", "staff"])
def test_pages_have_no_button_that_changes(
    who: str, request: pytest.FixtureRequest
) -> None:
    run, client = make_run(), request.getfixturevalue(who)

    for path in (LIST, page_of(run)):
        text = client.get(path).content.decode()
        assert 'name="_save"' not in text
        assert "deletelink" not in text
        assert "addlink" not in text.split('id="content-start"')[1]


def test_staff_without_the_permission_see_nothing(client: Client) -> None:
    client.force_login(UserFactory.create(is_staff=True))
    run = make_run()

    assert client.get(LIST).status_code == 403
    assert client.get(page_of(run)).status_code == 403


@pytest.mark.parametrize("state", Run.State.values)
def test_a_run_of_every_state_has_its_page(staff: Client, state: str) -> None:
    run = make_run(state)

    text = staff.get(page_of(run)).content.decode()

    assert f'ops-{state}">{state}</span>' in text
    assert "restored, 1,204,511 rows" in text


def test_a_failed_run_says_why_and_what_next(staff: Client) -> None:
    run = make_failed()

    text = staff.get(page_of(run)).content.decode()

    assert run.error in text
    assert run.remedy in text
    assert "3 tries" in text
    assert "relation &quot;&lt;vault&gt;&quot; is locked" in text


def test_a_plan_that_this_code_never_had_is_shown(staff: Client) -> None:
    text = staff.get(page_of(make_run())).content.decode()

    assert UNKNOWN.label in text
    assert UNKNOWN.operations[0] in text


def test_what_the_rehearsal_saw_is_shown(staff: Client) -> None:
    text = staff.get(page_of(make_run())).content.decode()

    assert "7 statements, forward not back" in text
    assert "gone.0042_expand_never_seen: Raw SQL operation" in text


def test_each_rehearsed_statement_shows_its_locks_and_its_work(staff: Client) -> None:
    facts = Facts(
        locks={"public.item": Lock.AX},
        held={},
        rewritten=("public.item",),
        scanned={"public.item": 40_000},
        visited=(),
        written={},
        seconds=1.5,
        blocks=True,
    )
    step = RehearsedStep(
        position=1,
        kind=StepKind.SCHEMA,
        operation="0",
        description="",
        template="",
        sql="ALTER TABLE item ALTER id TYPE bigint",
        before="",
        after="",
        facts=facts,
    )
    migration = RehearsedMigration(
        app="shop", name="0002_x", source_hash="", atomic=True, seconds=2, steps=(step,)
    )
    run = make_run(rehearsal={"performance": {"migrations": [migration.to_json()]}})

    text = staff.get(page_of(run)).content.decode()

    assert "ALTER TABLE item ALTER id TYPE bigint" in text
    assert "public.item: ACCESS EXCLUSIVE" in text
    assert "rewrites public.item<br>reads 40,000 rows of public.item" in text
    assert ">blocks<" in text
    assert "1.5 s" in text


def test_what_lint_found_is_shown_unless_it_is_safe(staff: Client) -> None:
    found = {"app": "shop", "migration": "0002_x", "rule": "drop-column"}
    findings = [
        {**found, "severity": "dangerous", "message": "Dropping a column"},
        {**found, "severity": "safe", "message": "Nobody minds"},
    ]
    run = make_run(report={"lint": {"findings": findings}})

    text = staff.get(page_of(run)).content.decode()

    assert "Dropping a column" in text
    assert "Nobody minds" not in text


def test_a_failed_run_shows_what_its_stages_noted(staff: Client) -> None:
    run = make_failed(report={})
    step = run.steps.order_by("number").first()
    assert step is not None
    warning = {"message": "Index a is INVALID.", "remedy": "DROP INDEX a"}
    step.detail = {"rehearsal": REHEARSAL, "warnings": [warning]}
    step.save()

    text = staff.get(page_of(run)).content.decode()

    assert "7 statements, forward not back" in text
    assert "Index a is INVALID. DROP INDEX a" in text


def test_what_was_dumped_beside_a_physical_backup_is_shown(staff: Client) -> None:
    run = make_run()
    step = run.steps.order_by("number").first()
    assert step is not None
    said = {"id": "backup-x-part", "tables": ["public.item"], "unknown": ["a.2: code"]}
    step.detail = {"part": said}
    step.save()

    text = staff.get(page_of(run)).content.decode()

    assert "rows of public.item dumped as backup-x-part" in text
    assert "tables not known: a.2: code" in text


def test_what_was_locked_first_is_shown_in_its_order(staff: Client) -> None:
    run = make_run()
    step = run.steps.order_by("number").last()
    assert step is not None
    modes = {"public.parent": "SHARE ROW EXCLUSIVE", "public.child": "ACCESS EXCLUSIVE"}
    step.detail = {"locked": [{"table": t, "mode": m} for t, m in modes.items()]}
    step.save()

    text = staff.get(page_of(run)).content.decode()

    first, second = (f"{table} ({mode})" for table, mode in modes.items())
    assert f"locked first: {first}, {second}" in text


def test_every_database_has_its_history(staff: Client, sandbox: Sandbox) -> None:
    make_run(operator="ann")
    assert "alias=sandbox" in staff.get(LIST).content.decode()
    empty = staff.get(f"{LIST}?alias=sandbox").content.decode()
    nowhere = staff.get(f"{LIST}?alias=nowhere").content.decode()
    executor = MigrationExecutor(connections["sandbox"])
    executor.migrate(executor.loader.graph.leaf_nodes("migrationops"))
    there = make_run("failed", using="sandbox", operator="bob")

    here = staff.get(LIST).content.decode()
    listed = staff.get(f"{LIST}?alias=sandbox").content.decode()
    page = staff.get(page_of(there)).content.decode()

    assert "ann" in here
    assert "bob" not in here
    assert "ann" not in empty + listed + nowhere
    assert "does not answer, or has no history" in empty
    assert "does not answer, or has no history" in nowhere
    assert "does not answer, or has no history" not in here + listed
    assert "bob" in listed
    assert "bob" in page
    assert "gone.0042_expand_never_seen" in page


def test_databases_are_told_apart_by_their_options_too(
    staff: Client, sandbox: Sandbox
) -> None:
    default, other = connections["default"].settings_dict, connections["sandbox"]

    other.settings_dict = {**default, "OPTIONS": {"service": "archive"}}
    assert "alias=sandbox" in staff.get(LIST).content.decode()
    other.settings_dict = {**default}
    assert "alias=sandbox" not in staff.get(LIST).content.decode()


def test_warnings_are_shown(staff: Client) -> None:
    warning = {"message": "Index a is INVALID.", "remedy": "DROP INDEX a"}
    run = make_run(report={"warnings": [warning]})

    assert (
        "Index a is INVALID. DROP INDEX a" in staff.get(page_of(run)).content.decode()
    )


@pytest.mark.parametrize(
    ("rows", "lost"),
    [((), "at most 0 rows"), ((2, 1), "at most 3 rows"), ((2, None), "not known")],
)
def test_a_restore_says_what_it_kept_and_lost(
    staff: Client, rows: tuple[int | None, ...], lost: str
) -> None:
    losses = Losses(tables=tuple(TableLoss(table="t", at_most=n) for n in rows))
    report = Report(
        database="shop",
        backup="backup-1",
        rows=9,
        seconds=2.0,
        kept="shop_29a53a8a",
        outage=0.006,
        losses=losses,
        warnings=("slots are not dropped: no rights",),
    )

    page = staff.get(page_of(make_run(command="restore", report=report.to_json())))

    for text in ("shop_29a53a8a", "6 ms", lost, "slots are not dropped: no rights"):
        assert text in page.content.decode()


def test_a_run_refused_before_it_had_a_plan_is_shown(staff: Client) -> None:
    run = make_run("refused", plan={}, backup={}, finished_at=None, fingerprint="")
    run.steps.all().delete()

    assert "before its first step" in staff.get(page_of(run)).content.decode()
    assert staff.get(LIST).status_code == 200


def test_a_run_that_is_not_there_leads_back(staff: Client) -> None:
    answer = staff.get(f"{LIST}00000000-0000-0000-0000-000000000000/change/")

    assert answer.status_code == 302


def test_the_list_says_what_happened(staff: Client) -> None:
    make_failed()

    text = staff.get(LIST).content.decode()

    assert "safe_migrate, 1 migration<" in text
    assert "division by zero" in text
    assert "restored" in text


def test_a_run_without_migrations_is_just_its_command(staff: Client) -> None:
    make_run(command="backup", plan={})

    assert 'field-what">backup<div' in staff.get(LIST).content.decode()


def test_the_list_is_searched_by_migration(staff: Client) -> None:
    make_run()

    assert "1 run" in staff.get(LIST, {"q": UNKNOWN.name}).content.decode()
    assert "0 runs" in staff.get(LIST, {"q": "0001_other"}).content.decode()


def queries_of(client: Client, path: str) -> list[str]:
    """Return the queries of a page for somebody who is no longer new."""
    client.get(path)
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return [query["sql"] for query in queries]


def test_more_runs_take_no_more_queries(staff: Client) -> None:
    make_run()
    queries = len(queries_of(staff, LIST))
    for minutes in range(1, 40):
        make_run(minutes=minutes)

    assert len(queries_of(staff, LIST)) == queries


def test_the_list_reads_no_plan_whole(staff: Client) -> None:
    make_run()

    of_runs = [q for q in queries_of(staff, LIST) if '"migrationops_run"."error"' in q]

    assert len(of_runs) == 2  # the chart and the lines
    assert not any('"migrationops_run"."report"' in query for query in of_runs)


def test_more_steps_take_no_more_queries(staff: Client) -> None:
    run = make_run()
    queries = len(queries_of(staff, page_of(run)))
    for number in range(50, 90):
        run.steps.create(number=number, label=str(number), started_at=run.started_at)

    assert len(queries_of(staff, page_of(run))) == queries


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_every_page_names_the_environment(
    staff: Client, settings: Settings, environment: str
) -> None:
    settings.ENVIRONMENT = environment

    text = staff.get(LIST).content.decode()

    assert f"environment-{environment}" in text


def test_a_backup_says_how_long_it_took(staff: Client) -> None:
    text = staff.get(page_of(make_run())).content.decode()

    assert "8.0 s to dump, 1 min 15 s to prove" in text
