"""A project of 50 apps with 10 migrations each, written to a directory.

Each app has four models of nine fields, one of them a foreign key into the app
before it; each later migration adds a field, changes another and adds an index.
"""

from __future__ import annotations

from pathlib import Path

APPS, PER_APP, MODELS = 50, 10, 4

SETTINGS = """
import environ

SECRET_KEY = "django-insecure-benchmark"
INSTALLED_APPS = [
    "migrationops",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    {apps}
]
DATABASES = {{"default": environ.Env().db_url("DATABASE_URL")}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
MIGRATIONOPS = {{"ENVIRONMENT": "development", "POLICY": {{"backup": "none"}}}}
"""
MIGRATION = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = {dependencies}
    operations = [
        {operations}
    ]
"""
CREATION = """migrations.CreateModel(
            name="Thing{number}",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True,
                                           serialize=False, verbose_name="ID")),
                {fields}
            ],
        )"""
LATER = """migrations.AddField(
            "thing{number}", "later{index}", models.IntegerField(null=True)
        ),
        migrations.AlterField(
            "thing{number}", "note", models.CharField(max_length={length})
        ),
        migrations.AddIndex(
            "thing{number}",
            models.Index(fields=["name", "later{index}"], name="{app}_{index}"),
        )"""
FIELDS = {
    "name": "models.CharField(max_length=100)",
    "note": "models.CharField(max_length=100)",
    "text": "models.TextField(blank=True)",
    "made_at": "models.DateTimeField(auto_now_add=True)",
    "amount": "models.DecimalField(max_digits=12, decimal_places=2, default=0)",
    "active": "models.BooleanField(default=True)",
}
PARENT = 'models.ForeignKey("{app}.Thing0", models.CASCADE, related_name="+")'


def write(directory: Path) -> None:
    """Write the project's settings and apps."""
    names = [f"app{number:02}" for number in range(APPS)]
    listed = ", ".join(f'"{name}"' for name in names)
    directory.joinpath("settings.py").write_text(SETTINGS.format(apps=listed))
    for before, name in zip([None, *names], names, strict=False):
        _write_app(directory / name, before)


def _write_app(directory: Path, before: str | None) -> None:
    migrations = directory / "migrations"
    migrations.mkdir(parents=True)
    for package in (directory, migrations):
        package.joinpath("__init__.py").touch()
    directory.joinpath("models.py").write_text(_models(directory.name, before))
    for index in range(1, PER_APP + 1):
        source = _migration(directory.name, before, index)
        migrations.joinpath(f"{_name(index)}.py").write_text(source)


def _migration(app: str, before: str | None, index: int) -> str:
    if index > 1:
        operations = LATER.format(
            app=app, index=index, number=index % MODELS, length=100 + index
        )
        dependency = [(app, _name(index - 1))]
        return MIGRATION.format(dependencies=dependency, operations=operations)
    lines = [f'("{n}", {f}),' for n, f in _fields(before).items()]
    fields = ("\n" + " " * 16).join(lines)
    creations = [CREATION.format(number=n, fields=fields) for n in range(MODELS)]
    return MIGRATION.format(
        dependencies=[(before, _name(1))] if before else [],
        operations=(",\n" + " " * 8).join(creations),
    )


def _models(app: str, before: str | None) -> str:
    """Return the models that the migrations end in: nothing is left to make."""
    lines = ["from django.db import models"]
    for number in range(MODELS):
        later = [i for i in range(2, PER_APP + 1) if i % MODELS == number]
        fields = _fields(before) | {
            f"later{i}": "models.IntegerField(null=True)" for i in later
        }
        fields["note"] = f"models.CharField(max_length={100 + later[-1]})"
        indexes = ", ".join(
            f'models.Index(fields=["name", "later{i}"], name="{app}_{i}")'
            for i in later
        )
        lines += ["", "", f"class Thing{number}(models.Model):"]
        lines += [f"    {name} = {field}" for name, field in fields.items()]
        lines += ["", "    class Meta:", f"        indexes = [{indexes}]"]
    return "\n".join(lines) + "\n"


def _fields(before: str | None) -> dict[str, str]:
    return FIELDS | ({"parent": PARENT.format(app=before)} if before else {})


def _name(index: int) -> str:
    return f"{index:04}_expand_step{index}"
