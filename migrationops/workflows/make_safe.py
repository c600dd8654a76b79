"""Rewrite a dangerous migration, not applied yet, into its safe sequence of phases."""

from __future__ import annotations

import difflib
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.db import connections
from django.db.migrations import Migration
from django.db.migrations.loader import AmbiguityError, MigrationLoader

from migrationops.conf import get_conf
from migrationops.exceptions import DiffersError, PreconditionError, RefusedError
from migrationops.lint.finding import Finding, Severity
from migrationops.operations.sequence import PhaseFile, sequence
from migrationops.operations.session import Session
from migrationops.workflows.equivalence import compare_ends
from migrationops.workflows.lint_migrations import lint_pending


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Which migration; with `dry_run` nothing is written."""

    alias: str
    app_label: str
    name: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A migration of the sequence, as it is written."""

    path: Path
    phase: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What takes the migration's place; no files when nothing of it can be safer.

    `remaining` says what is still not safe: no program can write that otherwise.
    """

    replaced: Path
    files: tuple[NewFile, ...]
    diff: str
    written: bool
    remaining: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        files = [
            {"path": str(f.path), "phase": f.phase, "text": f.text} for f in self.files
        ]
        return {
            "version": 1,
            "replaced": str(self.replaced),
            "files": files,
            "diff": self.diff,
            "proven": bool(self.files),
            "written": self.written,
            "remaining": list(self.remaining),
        }


def make_safe(request: Request) -> Report:
    """Rewrite the migration, prove that both ends are alike, and write the files.

    Raises RefusedError when it cannot be rewritten, DiffersError when the proof
    fails; nothing is written then.
    """
    connection = connections[request.alias]
    loader = MigrationLoader(connection)
    migration = _find(loader, request)
    before = loader.project_state((migration.app_label, migration.name), at_end=False)
    session = Session(connection.schema_editor(collect_sql=True))
    files = sequence(session, migration, before)
    path = Path(inspect.getfile(type(migration)))
    remaining = _remaining(loader, request, migration, files)
    if _is_unchanged(migration, files):
        return _as_it_is(migration, path, remaining)
    plan = [file.migration for file in files]
    _prove(request, before, migration, plan)
    report = _report(request, path, files, remaining)
    if report.written:
        _write(report)
    return report


def _find(loader: MigrationLoader, request: Request) -> Migration:
    try:
        found = loader.get_migration_by_prefix(request.app_label, request.name)
    except (AmbiguityError, KeyError) as exc:
        raise RefusedError(
            f"There is not one migration {request.name!r} in {request.app_label!r}.",
            remedy="manage.py showmigrations lists them.",
        ) from exc
    key = (found.app_label, found.name)
    _refuse_applied(loader, key)
    node = loader.graph.node_map[key]
    if children := [f"{c.key[0]}.{c.key[1]}" for c in sorted(node.children)]:
        raise RefusedError(
            f"{found} is needed by {', '.join(children)}; nothing was changed.",
            remedy="Make the last migration of the app safe first, or merge them.",
        )
    return found


def _refuse_applied(loader: MigrationLoader, key: tuple[str, str]) -> None:
    if key in loader.applied_migrations:
        raise RefusedError(
            f"{key[0]}.{key[1]} is applied already; nothing was changed.",
            remedy="Only a migration that was applied nowhere may be rewritten.",
        )
    plan = loader.graph.forwards_plan(key)
    pending = [k for k in plan[:-1] if k not in loader.applied_migrations]
    if pending:
        raise PreconditionError(
            f"The proof starts from the schema before {key[0]}.{key[1]}, and "
            f"{len(pending)} migrations before it are not applied.",
            remedy=f"manage.py safe_migrate {pending[-1][0]} {pending[-1][1]}",
        )


def _remaining(
    loader: MigrationLoader,
    request: Request,
    migration: Migration,
    files: tuple[PhaseFile, ...],
) -> tuple[Finding, ...]:
    """Return what lint finds in the operations that stay as they are."""
    key = (migration.app_label, migration.name)
    kept = {id(o) for file in files for o in file.migration.operations}
    places = [i for i, o in enumerate(migration.operations) if id(o) in kept]
    report = lint_pending(loader, request.alias, get_conf(), {key})
    return tuple(
        finding
        for finding in report.findings
        if finding.operation in places and finding.severity is not Severity.SAFE
    )


def _as_it_is(
    migration: Migration, path: Path, remaining: tuple[Finding, ...]
) -> Report:
    """Report that nothing changes; refuse when it is dangerous all the same."""
    if any(finding.severity is Severity.DANGEROUS for finding in remaining):
        said = "\n  ".join(map(_said, remaining))
        raise RefusedError(
            f"{migration} is dangerous, and no program can write it otherwise; nothing "
            f"was changed:\n  {said}",
            remedy="Do by hand what each of them says.",
        )
    return Report(
        replaced=path,
        files=(),
        diff="",
        written=False,
        remaining=tuple(map(_said, remaining)),
    )


def _said(finding: Finding) -> str:
    return f"{finding.message} ({finding.rule}) {finding.remedy}"


def _is_unchanged(migration: Migration, files: tuple[PhaseFile, ...]) -> bool:
    if len(files) != 1:
        return False
    old, new = migration.operations, files[0].migration.operations
    return [(type(o), o.deconstruct()) for o in old] == [
        (type(o), o.deconstruct()) for o in new
    ]


def _prove(
    request: Request, before: Any, migration: Migration, plan: list[Migration]
) -> None:
    proof = compare_ends(request.alias, get_conf(), before, [migration], plan)
    if not proof.holds:
        where = "at the end" if proof.forwards else "after the way back"
        listed = "\n  ".join(proof.forwards or proof.backwards)
        raise DiffersError(
            f"The safe sequence of {migration} differs {where}, so nothing was "
            f"written:\n  {listed}",
            remedy="Write the phases by hand with migrationops.operations.",
        )


def _report(
    request: Request,
    path: Path,
    files: tuple[PhaseFile, ...],
    remaining: tuple[Finding, ...],
) -> Report:
    new = tuple(
        NewFile(
            path=path.with_name(f"{file.migration.name}.py"),
            phase=str(file.phase),
            text=file.text,
        )
        for file in files
    )
    return Report(
        replaced=path,
        files=new,
        diff=_diff(path, path.read_text(), new),
        written=not request.dry_run,
        remaining=tuple(map(_said, remaining)),
    )


def _diff(path: Path, old: str, files: tuple[NewFile, ...]) -> str:
    """Return one unified diff: the old file gone, the new ones there."""
    pairs = [(path.name, "/dev/null", old, "")]
    pairs += [("/dev/null", file.path.name, "", file.text) for file in files]
    return "".join(
        line
        for a, b, before, after in pairs
        for line in difflib.unified_diff(
            before.splitlines(keepends=True), after.splitlines(keepends=True), a, b
        )
    )


def _write(report: Report) -> None:
    """Write the new files first: a kill in between leaves a conflict, no loss."""
    for file in report.files:
        if file.path != report.replaced and file.path.exists():
            raise RefusedError(
                f"{file.path} is there already; nothing was written.",
                remedy="Move it away, or rename the migration.",
            )
    for file in report.files:
        file.path.write_text(file.text)
    if report.replaced not in {file.path for file in report.files}:
        report.replaced.unlink()
