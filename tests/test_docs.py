"""What the documentation says is so."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import fields

import pytest
from django.core.management import get_commands, load_command_class

from migrationops import conf, exceptions
from migrationops.lint.report import LintReport
from migrationops.workflows import (
    backup,
    install_schedules,
    migration_status,
    resolve_migration,
    restored,
    safe_migrate,
    seed,
)
from migrationops.workflows import stamp_environment as stamping
from tests.pages import Page, page, pages
from tests.sources import PACKAGES, ROOT, modules

PAGES = pages()
OPTION = re.compile(r"(?<![\w-])(--?[a-z][a-z-]*)")


def our_commands() -> list[str]:
    return sorted(
        n for n, app in get_commands().items() if app.split(".")[0] in PACKAGES
    )


def broken_links(found: Page) -> Iterator[str]:
    for link in found.links:
        target, _, anchor = link.partition("#")
        if re.match(r"\w+:", target):
            continue
        path = (found.path.parent / target).resolve() if target else found.path
        if not path.exists() or (anchor and anchor not in Page(path).anchors):
            yield f"{found.name}: {link}"


def test_links_lead_somewhere() -> None:
    assert [link for found in PAGES for link in broken_links(found)] == []


def test_what_an_error_advises_is_a_command() -> None:
    advised = {
        name
        for module in modules()
        for name in re.findall(r"manage\.py ([a-z_]+)", module.path.read_text())
    }
    assert advised - set(get_commands()) == set()


def test_what_a_remedy_advises_is_an_option() -> None:
    ours = {option for name in our_commands() for option in options_of(name)}
    advised = {
        option
        for module in modules("migrationops")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.keyword) and node.arg in ("remedy", "otherwise")
        for option in re.findall(r"--[a-z][a-z-]+", ast.unparse(node.value))
    }
    others = {"--merge", "--schema-only", "--type"}  # Django's, pg_dump's, pgBackRest's
    assert advised - ours == others


def test_every_page_is_reached_from_the_readme() -> None:
    reached: set[str] = set()
    todo = [page("README.md")]
    while todo:
        found = todo.pop()
        reached.add(found.name)
        paths = {
            (found.path.parent / link.split("#")[0]).resolve() for link in found.links
        }
        below = [Page(path) for path in paths if path.suffix == ".md"]
        todo += [p for p in below if p.name not in reached]

    assert {p.name for p in PAGES} - reached == set()


def commands_in(found: Page) -> Iterator[tuple[str, list[str]]]:
    """Yield what is said to be typed after manage.py: the command and its options."""
    for line in found.code:
        _, marker, typed = line.partition("manage.py ")
        words = typed.split()
        if marker and words and not words[0].startswith("<"):
            yield words[0], OPTION.findall(" ".join(words[1:]))


def wrong_commands(found: Page) -> Iterator[str]:
    for name, options in commands_in(found):
        if name not in get_commands():
            yield f"{found.name}: manage.py {name}"
            continue
        known = options_of(name)
        for option in options:
            if option not in known:
                yield f"{found.name}: manage.py {name} {option}"


def options_of(name: str) -> set[str]:
    command = load_command_class(get_commands()[name], name)
    parser = command.create_parser("manage.py", name)
    return {o for a in all_actions(parser) for o in a.option_strings}


def all_actions(parser: object) -> Iterator[object]:
    """Yield a parser's actions and those of its subcommands."""
    for action in parser._actions:
        yield action
        if isinstance(action.choices, dict):
            for below in action.choices.values():
                yield from all_actions(below)


def test_commands_can_be_typed_as_written() -> None:
    assert [wrong for found in PAGES for wrong in wrong_commands(found)] == []


def test_targets_of_make_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        (found.name, target)
        for found in PAGES
        for line in found.code
        for target in re.findall(r"^(?:\$ )?make ([a-z-]+)", line)
    }

    assert named
    assert {
        (where, target) for where, target in named if target not in targets
    } == set()


def test_what_the_app_needs_is_named() -> None:
    trees = [m.tree for m in modules("migrationops")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    names = [a.name for n in nodes if isinstance(n, ast.Import) for a in n.names]
    names += [n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)]
    needed = {name.split(".")[0] for name in names}
    # psycopg2 is guarded in a rehearsal where a project has it.
    needed -= {*sys.stdlib_module_names, "migrationops", "psycopg2"}
    sentence = page("README.md").text.split("It needs ")[1].split(" Then:")[0]

    assert {name for name in needed if f"`{name}`" not in sentence} == set()


@pytest.mark.parametrize("name", our_commands())
def test_a_command_is_documented(name: str) -> None:
    assert f"\n## {name}\n" in page("docs/reference/commands.md").text
    assert f"| `{name}` |" in page("README.md").text


def test_exit_codes_are_documented() -> None:
    first_table = page("docs/reference/exit-codes.md").text.split("<!--")[0]
    codes = {e.exit_code for e in errors(exceptions.MigrationOpsError)}

    for code in codes | {0, 2, 130, 143}:
        assert re.search(rf"^\|[\d, ]*\b{code}\b", first_table, re.M), code


def errors(
    error: type[exceptions.MigrationOpsError],
) -> list[type[exceptions.MigrationOpsError]]:
    return [error, *(e for s in error.__subclasses__() for e in errors(s))]


def test_settings_are_documented() -> None:
    first_table = page("docs/reference/settings.md").text.split("## Policies")[0]
    first_column = re.findall(r"^\| (.+?) \|", first_table, re.M)
    documented = set(re.findall(r"`([A-Z_]+)`", " ".join(first_column)))

    assert documented <= conf.KEYS
    assert used_settings() <= documented


def used_settings() -> set[str]:
    """Return the keys that some module reads from the parsed settings."""
    sources = [p.read_text() for p in (ROOT / "migrationops").rglob("*.py")]
    read = {name for s in sources for name in re.findall(r"\bconf\.([a-z_]+)", s)}
    return {name.upper() for name in read} & conf.KEYS


@pytest.mark.parametrize(
    ("command", "value"),
    [
        ("safe_migrate", safe_migrate.Report),
        ("lint_migrations", LintReport),
        ("backup", backup.Report),
        ("restore", restored.Report),
        ("install_schedules", install_schedules.Report),
        ("migration_status", migration_status.Status),
        ("resolve_migration", resolve_migration.Report),
        ("seed", seed.Report),
        ("stamp_environment", stamping.Report),
    ],
)
def test_keys_of_json_are_documented(command: str, value: type) -> None:
    text = page("docs/reference/json.md").text
    section = text.split(f"\n## {command}\n")[1].split("\n## ")[0]

    for field in fields(value):
        assert f"| `{field.name}` |" in section


def test_every_command_with_json_has_its_section() -> None:
    headings = page("docs/reference/json.md").text.split("\n## ")
    sections = {section.splitlines()[0] for section in headings}

    assert {n for n in our_commands() if "--json" in options_of(n)} - sections == set()


def test_the_changelog_has_a_place_for_what_is_next() -> None:
    assert "\n## [Unreleased]\n" in page("CHANGELOG.md").text
