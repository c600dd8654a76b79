"""The parts of the documentation that are read from the code; cog prints them."""

from __future__ import annotations

import inspect
import re
import tomllib
from argparse import Action, ArgumentParser
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from enum import Enum
from pathlib import Path

import django
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand, DjangoHelpFormatter

from migrationops import conf, exceptions
from migrationops.exceptions import MigrationOpsError

django.setup()

ROOT = Path(__file__).resolve().parents[1]
COMMON = {*DjangoHelpFormatter.show_last, "--help"}


def command_names() -> list[str]:
    """Return every command of this project, guarded ones included."""
    return sorted(
        name
        for name, app in get_commands().items()
        if app.split(".")[0] in ("chores", "migrationops")
    )


def commands_table() -> str:
    """Return a line for each command."""
    rows = [(f"`{name}`", summary(command(name))) for name in command_names()]
    return table(("command", "what it does"), rows)


def commands_page() -> str:
    """Return a section for each command, from its own parser."""
    return "\n\n".join(section(name) for name in command_names())


def section(name: str) -> str:
    parts = [f"## {name}", summary(command(name))]
    if is_guarded(command(name)):
        return "\n\n".join([*parts, "Its options are Django's."])
    options = list(own_actions(parser_of(name)))
    parts.append(f"    manage.py {' '.join([name, *map(usage, options)])}")
    if options:
        rows = [(f"`{label(a)}`", meaning(a)) for a in options]
        parts.append(table(("option", "meaning"), rows))
    return "\n\n".join(parts)


def command(name: str) -> BaseCommand:
    return load_command_class(get_commands()[name], name)


def parser_of(name: str) -> ArgumentParser:
    return command(name).create_parser("manage.py", name)


def is_guarded(found: BaseCommand) -> bool:
    """Tell whether it is Django's own command behind a guard."""
    modules = [c.__module__ for c in type(found).__mro__]
    return any(m.startswith("django.core.management.commands.") for m in modules)


def summary(found: BaseCommand) -> str:
    text = inspect.getdoc(type(found)) if is_guarded(found) else found.help
    return " ".join((text or "").split())


def own_actions(parser: ArgumentParser) -> Iterator[Action]:
    """Yield what a command adds to the options that all of Django's have."""
    for action in parser._actions:
        if not COMMON & set(action.option_strings):
            yield action


def usage(action: Action) -> str:
    return label(action) if action.required else f"[{label(action)}]"


def label(action: Action) -> str:
    if not action.option_strings:
        return action.dest
    name, value = action.option_strings[0], action.metavar or action.dest.upper()
    return name if action.nargs == 0 else f"{name} {value}"


def meaning(action: Action) -> str:
    text = action.help or ""
    if action.choices:
        text += f" One of {', '.join(map(str, action.choices))}."
    return " ".join(text.split())


def exit_codes() -> str:
    """Return a line for each error; its first sentence is its default message."""
    errors = sorted(subclasses(MigrationOpsError), key=lambda e: e.exit_code)
    rows = [
        (str(e.exit_code), f"`{e.__name__}`", inspect.getdoc(e) or "")
        for e in errors
        if e is not exceptions.StoppedError
    ]
    return table(("exit code", "error", "meaning"), rows)


def subclasses(error: type[MigrationOpsError]) -> list[type[MigrationOpsError]]:
    return [error, *(c for s in error.__subclasses__() for c in subclasses(s))]


def policies() -> str:
    """Return what each environment's preset asks for."""
    presets = list(conf.PRESETS.values())
    names = sorted({f.name for f in fields(conf.Policy)} & used("policy"))
    rows = [
        (f"`{name}`", *(value(getattr(policy, name)) for policy in presets))
        for name in names
    ]
    return table(("field", *(policy.name for policy in presets)), rows)


def used(name: str) -> set[str]:
    """Return the attributes of `name` that some module reads."""
    pattern = re.compile(rf"\b{name}\.([a-z_]+)")
    files = (ROOT / "migrationops").rglob("*.py")
    found = {a for path in files for a in pattern.findall(path.read_text())}
    return found - {"name", "strictness"}


def value(found: object) -> str:
    if isinstance(found, bool):
        return "yes" if found else "no"
    if isinstance(found, Enum):
        return found.name.lower()
    return f"{found:g}" if isinstance(found, float) else str(found)


FOLDERS = ("", "howto", "runbooks", "reference", "explanation", "decisions")


def contents() -> str:
    """Return a link to every page, by folder."""
    return "\n".join(line for folder in FOLDERS for line in links(folder))


def links(folder: str) -> Iterator[str]:
    top = ROOT / "docs" / folder
    found = sorted([*top.glob("*.md"), *(top.glob("*/index.md") if folder else ())])
    titles = {path: path.read_text().splitlines()[0].lstrip("# ") for path in found}
    if folder and found:
        yield f"\n## {folder.capitalize()}\n"
    for path, title in titles.items():
        if path.name != "README.md":
            yield f"- [{title}]({path.relative_to(ROOT / 'docs').as_posix()})"


def layers() -> str:
    """Return the layers of migrationops, from the contract that keeps them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"][
        "importlinter"
    ]["contracts"]
    found = next(c["layers"] for c in contracts if c["id"] == "layers")
    exists = {p.stem for p in (ROOT / "migrationops").iterdir()}
    lines = [present(layer, exists) for layer in found]
    return "\n".join(f"    {line}" for line in lines if line)


def present(layer: str, exists: set[str]) -> str:
    """Return the modules of a layer that are there."""
    names = [part.strip().strip("()") for part in layer.split("|")]
    return " | ".join(name for name in names if name in exists)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
