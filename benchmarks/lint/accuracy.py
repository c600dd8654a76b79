"""Does lint foretell blocking work, and does squawk? Against what servers did.

Run from the checkout: python -m benchmarks.lint.accuracy
squawk is scored where its program is on the PATH (requirements-bench.txt).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from migrationops.lint.simulation.facts import Facts
from migrationops.lint.simulation.simulate import simulate
from migrationops.lint.simulation.world import World
from tests.integration.rehearsal import truth

MAJORS = (15, 16, 18)
# squawk's rules that say: this rewrites, reads or indexes behind a blocking lock.
BLOCKING = {
    "adding-field-with-default",
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-serial-primary-key-field",
    "ban-alter-domain-with-add-constraint",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-partition-detach",
    "require-concurrent-reindex",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    hits: int
    false_alarms: int
    misses: int

    @property
    def precision(self) -> float:
        return self.hits / max(self.hits + self.false_alarms, 1)

    @property
    def recall(self) -> float:
        return self.hits / max(self.hits + self.misses, 1)


def score(answers: Iterable[tuple[bool, bool]]) -> Score:
    """Count pairs of what was measured and what was said."""
    pairs = list(answers)
    return Score(
        hits=pairs.count((True, True)),
        false_alarms=pairs.count((False, True)),
        misses=pairs.count((True, False)),
    )


def wanted(case: truth.Case, major: int) -> list[bool]:
    return [bool(s.get("blocking_work_on")) for s in case.statements(major)]


def ours(major: int) -> Score:
    base = World(facts=Facts(version=major), atomic=False)
    simulate(truth.base_schema(contrib=True), base)
    answers: list[tuple[bool, bool]] = []
    for case in truth.cases():
        world = base.copy()
        simulate(";\n".join(case.extra_setup), world)
        world.atomic = case.in_transaction
        script = ";\n".join(s["sql"] for s in case.statements(major))
        said = [effect.blocks is True for effect in simulate(script, world)]
        answers += zip(wanted(case, major), said, strict=True)
    return score(answers)


def squawk(program: str, major: int) -> Score:
    """One file a case, one statement a line; any blocking rule counts."""
    answers: list[tuple[bool, bool]] = []
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "case.sql"
        for case in truth.cases():
            lines = [" ".join(s["sql"].split()) + ";" for s in case.statements(major)]
            path.write_text("\n".join(lines) + "\n")
            within = ["--assume-in-transaction"] if case.in_transaction else []
            found = subprocess.run(
                [program, "--reporter=json", f"--pg-version={major}.0", *within, path],
                capture_output=True,
                text=True,
                check=False,
            )
            said = {
                v["line"]
                for v in json.loads(found.stdout or "[]")
                if v["rule_name"] in BLOCKING
            }
            answers += ((want, n in said) for n, want in enumerate(wanted(case, major)))
    return score(answers)


def main() -> None:
    program = shutil.which("squawk")
    print("| linter | PostgreSQL | precision | recall | false alarms | misses |")
    print("| --- | --- | --- | --- | --- | --- |")
    for major in MAJORS:
        rows = [("ours, without a server", ours(major))]
        if program:
            rows.append(("squawk", squawk(program, major)))
        for name, s in rows:
            print(
                f"| {name} | {major} | {s.precision:.3f} | {s.recall:.3f} "
                f"| {s.false_alarms} | {s.misses} |"
            )


if __name__ == "__main__":
    main()
