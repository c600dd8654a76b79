"""The tracer against what PostgreSQL was measured to do."""

from __future__ import annotations

from contextlib import contextmanager, suppress

import pytest
from psycopg import errors, sql

from config.embedded.programs import INSTALLATIONS
from migrationops.postgres import databases
from migrationops.postgres.splitting import split
from migrationops.postgres.table_locks import Lock
from migrationops.rehearsal.sampling import sampled_locks
from migrationops.rehearsal.script import NOT_RUN, run_script
from migrationops.rehearsal.trace import Tracer
from tests.integration.rehearsal import truth
from tests.roles import needs_superuser
from tests.server import installed

pytestmark = needs_superuser("makes the databases and roles of the measured cases")

# One of each kind; the whole matrix is marked deep.
SAMPLE = {
    "add-column-domain-with-check",
    "add-column-references-default",
    "add-fk-valid",
    "alter-domain-add-check",
    "comment-on-column",
    "create-index-concurrently",
    "create-partition-of",
    "detach-partition-concurrently-in-tx",
    "drop-index-concurrently",
    "drop-table-referenced-cascade",
    "enum-add-value-use-same-tx",
    "refresh-matview",
    "reindex-table",
    "rename-constraint",
    "set-not-null-partitioned",
    "type-change-fk-referenced",
    "vacuum-full",
    "validate-then-set-not-null-same-tx",
}


class Scratch:
    """Makes databases that begin as the measured cases did."""

    def __init__(self, connect, name, *, contrib):
        self._connect = connect
        self._name = name
        with self.admin() as admin:
            self._drop(admin, name)
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
            with suppress(errors.DuplicateObject):
                admin.execute("CREATE ROLE someone")
        with connect(dbname=name) as connection:
            connection.execute(truth.base_schema(contrib=contrib))

    def admin(self):
        return self._connect(dbname="postgres")

    @contextmanager
    def database(self):
        """Yield two connections to a fresh copy."""
        copy = f"{self._name}_copy"
        with self.admin() as admin:
            self._drop(admin, copy)
            admin.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy").format(
                    sql.Identifier(copy), sql.Identifier(self._name)
                )
            )
        with self._connect(dbname=copy) as one, self._connect(dbname=copy) as other:
            yield one, other

    def remove(self):
        with self.admin() as admin:
            self._drop(admin, f"{self._name}_copy")
            self._drop(admin, self._name)

    @staticmethod
    def _drop(admin, name):
        admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(
                sql.Identifier(name)
            )
        )


def run(scratch, statements, *, setup=(), in_transaction=True):
    with scratch.database() as (connection, beside):
        for statement in setup:
            connection.execute(statement)
        script = ";\n".join(statements)
        found = run_script(connection, beside, script, in_transaction=in_transaction)
        return [statement.to_json() for statement in found]


def problems(scratch, case, major):
    wanted = case.statements(major)
    traced = run(
        scratch,
        [w["sql"] for w in wanted],
        setup=case.extra_setup,
        in_transaction=case.in_transaction,
    )
    found = []
    for want, got in zip(wanted, traced, strict=True):
        if case.sampled_locks:
            want = {**want, "locks": got["locks"]}
        found += [f"{major} {case.id}: {d}" for d in truth.differences(want, got)]
    return found


@pytest.fixture(scope="module")
def scratch_of_module(django_db_setup, django_db_blocker, worker_id):
    with django_db_blocker.unblock():

        def connect(dbname):
            return databases.connect("default", dbname=dbname)

        made = Scratch(connect, f"truth_{worker_id}", contrib=False)
        yield made
        made.remove()


@pytest.fixture
def scratch(scratch_of_module, django_db_blocker):
    # Not pytest-django's transactions: they would empty the test database each time.
    with django_db_blocker.unblock():
        yield scratch_of_module


@pytest.mark.parametrize(
    "case", [c for c in truth.cases() if c.id in SAMPLE], ids=lambda c: c.id
)
def test_a_statement_does_what_it_was_measured_to_do(scratch, case):
    with scratch.admin() as admin:
        major = admin.info.server_version // 10000
    if str(major) not in case.versions:
        pytest.skip(f"not measured on {major}")

    assert problems(scratch, case, major) == []


@pytest.mark.deep
@pytest.mark.own_server
@pytest.mark.parametrize("major", [15, 16, 18])
def test_every_statement_does_what_it_was_measured_to_do(make_server, major):
    if major not in INSTALLATIONS and installed(major) is None:
        pytest.skip(f"PostgreSQL {major} is not installed")
    server = make_server(major=major)
    contrib = major == 15
    own = Scratch(server.connect, "truth", contrib=contrib)

    found = [
        problem
        for case in truth.cases()
        if contrib or not case.needs_contrib
        for problem in problems(own, case, major)
    ]

    assert found == []


def blocks(scratch, *statements, **options):
    return [s["blocks"] for s in run(scratch, statements, **options)]


def test_work_under_a_lock_of_an_earlier_statement_blocks(scratch):
    assert blocks(
        scratch,
        "alter table uniq add column z int",
        "select count(*) from uniq",
        "select count(*) from unl",
    ) == [False, True, False]


def test_work_on_a_table_of_this_transaction_blocks_nobody(scratch):
    statements = (
        "create table fresh as select generate_series(1, 100) as a",
        "create index on fresh (a)",
        "alter table fresh alter column a set not null",
    )

    assert blocks(scratch, *statements) == [False, False, False]
    assert blocks(scratch, *statements, in_transaction=False) == [False, True, True]


def test_a_statement_outside_a_transaction_holds_nothing_afterwards(scratch):
    assert blocks(
        scratch,
        "alter table uniq add column z int",
        "select count(*) from uniq",
        in_transaction=False,
    ) == [False, False]


def test_what_needs_a_transaction_fails_without_one(scratch):
    (statement,) = run(scratch, ["lock table t"], in_transaction=False)

    assert statement["error"].startswith("25P01")


def test_a_script_may_control_its_own_transactions(scratch):
    assert blocks(
        scratch,
        "begin",
        "alter table uniq add column z int",
        "select count(*) from uniq",
        "commit",
        "select count(*) from uniq",
        in_transaction=False,
    ) == [False, False, True, False, False]


def test_rows_of_earlier_work_are_not_counted_again(scratch):
    """The session's counters reach everybody a second later, rolled back or not."""
    statement = "create index concurrently unl_id on unl(id)"
    with scratch.database() as (connection, beside):
        connection.execute("begin")
        connection.execute("insert into unl values (1)")
        connection.execute("rollback")
        tracer = Tracer(connection, beside)
        facts = tracer.trace(statement, lambda: connection.execute(statement))

    assert facts.alone
    assert facts.written == {}


def test_a_serializable_transaction_is_traced_like_any(scratch):
    first, second = run(
        scratch,
        ["select count(*) from t", "alter table t add x int"],
        setup=["set default_transaction_isolation = serializable"],
    )

    assert (first["error"], first["scanned"]) == (None, ["public.t"])
    assert second["locks"] == {"public.t": "AX"}


def test_locks_of_a_serializable_session_are_sampled(scratch):
    procedure = (
        "do $$ begin perform count(*) from uniq; perform pg_sleep(0.05); commit; end $$"
    )
    with scratch.database() as (connection, beside):
        connection.execute("set default_transaction_isolation = serializable")
        with sampled_locks(beside, connection.info.backend_pid) as locks:
            connection.execute(procedure)
            connection.execute("create index concurrently unl_id on unl(id)")

    assert Lock.SUX in locks.values()


def test_a_procedure_that_commits_is_run_as_it_wants(scratch):
    (statement,) = run(
        scratch,
        ["do $$ begin commit; create index on uniq (k); commit; end $$"],
        in_transaction=False,
    )

    assert statement["error"] is None
    # It read a table, and which lock it held then was not seen for certain.
    assert statement["blocks"] in (None, True)


def test_a_do_block_is_measured_like_any_statement(scratch):
    (statement,) = run(
        scratch,
        ["do $$ begin execute 'alter table t alter column nn type bigint'; end $$"],
    )

    assert statement["locks"]["public.t"] == "AX"
    assert "public.t" in statement["rewritten"]
    assert statement["blocks"] is True


def test_after_an_error_nothing_more_is_run(scratch):
    first, second = run(scratch, ["selec 1", "drop table t"])

    assert first["error"].startswith("42601")
    assert first["blocks"] is False
    assert second["error"] == NOT_RUN
    assert second["blocks"] is None


def test_rows_that_fail_leave_open_what_was_read(scratch):
    (statement,) = run(scratch, ["alter table t alter column a type int using 1/0"])

    assert statement["error"].startswith(("22012", "0A000"))


def test_what_is_deferred_to_the_commit_fails_there(scratch):
    (statement,) = run(
        scratch,
        ["insert into child values (999999, 999999)"],
        setup=[
            "alter table child alter constraint child_pid_fkey "
            "deferrable initially deferred"
        ],
    )

    assert statement["error"].startswith("23503")


def test_text_that_is_no_sql_is_one_statement():
    assert split("this 'is not sql") == ["this 'is not sql"]
    assert split("select 1; selec 2;\n-- end\n") == ["select 1", "selec 2"]
    assert split("") == []


def test_what_is_too_deep_to_be_read_is_run_all_the_same(scratch):
    deep = "select " + " + ".join(["1"] * 2000)

    (statement,) = run(scratch, [deep])

    assert statement["error"] is None
    assert statement["blocks"] is False


def test_rows_that_a_copy_gives_are_read_and_dropped(scratch):
    first, second = run(scratch, ["copy t to stdout", "alter table t add x int"])

    assert (first["error"], first["scanned"]) == (None, ["public.t"])
    assert second["locks"] == {"public.t": "AX"}


def test_a_copy_that_waits_for_rows_is_an_error_of_the_script(scratch):
    first, second = run(scratch, ["copy t from stdin", "alter table t add x int"])

    assert first["error"].startswith("0A000 COPY FROM STDIN")
    assert second["error"] == NOT_RUN
