"""The static answer against what real servers did, statement by statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from migrationops.lint import live
from migrationops.lint.simulation.facts import Facts
from migrationops.lint.simulation.simulate import simulate
from migrationops.lint.simulation.world import World
from migrationops.rehearsal.script import run_script
from tests.integration.lint import cases as own
from tests.integration.rehearsal import truth

if TYPE_CHECKING:
    from tests.sandbox import Sandbox

MAJORS = ("15", "16", "18")


def answers(world: World, setup: list[str], script: list[str]) -> list[bool | None]:
    """Work a case out on a copy of the world."""
    trial = world.copy()
    atomic, trial.atomic = trial.atomic, False
    failed = [e for e in simulate(";\n".join(setup), trial) if e.failure]
    assert failed == []
    trial.atomic = atomic
    return [effect.blocks for effect in simulate(";\n".join(script), trial)]


@pytest.mark.parametrize("major", MAJORS)
def test_every_measured_statement_is_foretold_without_a_server(major: str) -> None:
    base = World(facts=Facts(version=int(major)), atomic=False)
    simulate(truth.base_schema(contrib=True), base)

    wrong = []
    for case in truth.cases():
        base.atomic = case.in_transaction
        script = [s["sql"] for s in case.statements(int(major))]
        want = [bool(s.get("blocking_work_on")) for s in case.statements(int(major))]
        got = answers(base, list(case.extra_setup), script)
        wrong += [case.id] * (got != want)

    assert wrong == []


def expected(case: own.Case, want: list[bool | str], got: list[bool | None]) -> object:
    """Return what lint should say of a case; null where it may say so."""
    blocks = [answer is True for answer in want]
    if case.id not in own.UNKNOWABLE:
        return blocks
    return [None if g is None else b for g, b in zip(got, blocks, strict=False)]


def test_our_own_cases_are_foretold_from_a_live_catalog(sandbox: Sandbox) -> None:
    sandbox.sql(own.base())
    with sandbox.connect() as connection:
        base = live.read_world(connection)
    major = base.facts.version

    wrong = []
    for case in own.cases():
        want = own.measured()[case.id].get(str(major))
        if want is None or case.id in own.BY_DATA | own.BY_CATALOG:
            continue
        base.atomic = case.atomic
        got = answers(base, case.setup, case.statements)[: len(want)]
        if got != expected(case, want, got):
            wrong.append((case.id, want, got))

    assert wrong == []


def test_our_own_cases_are_many() -> None:
    assert len(own.cases()) > 1000
    assert {c.id for c in own.cases()} == set(own.measured())


def database(sandbox: Sandbox, copy: str) -> None:
    with sandbox.connect(sandbox.maintenance_db) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{copy}"'.encode())
        admin.execute(f'CREATE DATABASE "{copy}" TEMPLATE "{sandbox.name}"'.encode())


# After a vacuum a count reads the index alone; the cases were measured before one.
NO_AUTOVACUUM = """
DO $$ DECLARE name text; BEGIN
  FOR name IN SELECT oid::regclass FROM pg_class
      WHERE relkind IN ('r', 'm') AND relnamespace = 'public'::regnamespace LOOP
    EXECUTE 'ALTER TABLE ' || name || ' SET (autovacuum_enabled = false)';
  END LOOP;
END $$
"""


@pytest.mark.deep
def test_our_own_cases_are_still_what_a_server_does(sandbox: Sandbox) -> None:
    """Set every case up on a copy of the base, lint it there, run it traced."""
    sandbox.sql(own.base())
    sandbox.sql(NO_AUTOVACUUM)
    sandbox.sql("ANALYZE")  # plans, so what is read, are by what an autovacuum had seen
    sandbox.sql("DROP ROLE IF EXISTS lint_case_role")  # a role outlives its database
    with sandbox.connect() as connection:
        major = str(live.read_facts(connection).version)
    copy = f"{sandbox.name}_copy"

    wrong = []
    for case in own.cases():
        want = own.measured()[case.id].get(major)
        if want is None:
            continue
        database(sandbox, copy)
        script = ";\n".join(case.statements)
        with sandbox.connect(copy) as connection, sandbox.connect(copy) as beside:
            for statement in case.setup:
                connection.execute(statement.encode())
            world = live.read_world(connection)
            done = run_script(connection, beside, script, in_transaction=case.atomic)
        got = [s.error.split(" ")[0] if s.error else s.blocks is True for s in done]
        world.atomic = case.atomic
        said = [e.blocks for e in simulate(script, world)][: len(want)]
        if got[: len(want)] != want:
            wrong.append((case.id, want, got))
        if case.id not in own.BY_DATA and said != expected(case, want, said):
            wrong.append((case.id, want, said))

    assert wrong == []


@pytest.mark.parametrize(
    "script",
    [
        "select " + " + ".join(["1"] * 4000),
        "do $$ " + "begin " * 500 + "end;" * 500 + " $$",
        "alter table",
    ],
)
def test_what_cannot_be_read_is_unknown(script: str) -> None:
    (effect,) = simulate(script, World(complete=False))

    assert effect.blocks is None
    assert effect.unknown
