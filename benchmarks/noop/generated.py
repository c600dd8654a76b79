"""A project of many apps and migrations, written to a directory."""

from __future__ import annotations

from pathlib import Path

APPS, PER_APP = 50, 10

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
FIRST = """
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [{creations}]
"""
CREATION = """migrations.CreateModel(
        name="Thing{number}",
        fields=[
            ("id", models.BigAutoField(auto_created=True, primary_key=True,
                                       serialize=False, verbose_name="ID")),
            ("name", models.CharField(max_length=100)),
        ],
    )"""
LATER = """
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("{app}", "{before}")]
    operations = [
        migrations.AddField(
            model_name="thing{number}",
            name="field{field}",
            field=models.IntegerField(null=True),
        ),
    ]
"""
MODELS_PER_APP = 3


def write(directory: Path) -> int:
    """Write the project; return how many migrations its own apps have."""
    names = [f"app{number:02}" for number in range(APPS)]
    listed = ", ".join(f'"{name}"' for name in names)
    directory.joinpath("settings.py").write_text(SETTINGS.format(apps=listed))
    for name in names:
        _write_app(directory / name)
    return APPS * PER_APP


def _write_app(directory: Path) -> None:
    migrations = directory / "migrations"
    migrations.mkdir(parents=True)
    for package in (directory, migrations):
        package.joinpath("__init__.py").touch()
    directory.joinpath("models.py").write_text(_models())
    creations = ", ".join(CREATION.format(number=n) for n in range(MODELS_PER_APP))
    names = ["0001_initial", *(f"{n:04}_field{n}" for n in range(2, PER_APP + 1))]
    migrations.joinpath(f"{names[0]}.py").write_text(FIRST.format(creations=creations))
    for index, name in enumerate(names[1:], 2):
        source = LATER.format(
            app=directory.name,
            before=names[index - 2],
            number=index % MODELS_PER_APP,
            field=index,
        )
        migrations.joinpath(f"{name}.py").write_text(source)


def _models() -> str:
    """Return the models that the migrations end in: nothing is left to make."""
    lines = ["from django.db import models"]
    for number in range(MODELS_PER_APP):
        fields = [n for n in range(2, PER_APP + 1) if n % MODELS_PER_APP == number]
        lines += [
            "",
            "",
            f"class Thing{number}(models.Model):",
            "    name = models.CharField(max_length=100)",
            *(f"    field{n} = models.IntegerField(null=True)" for n in fields),
        ]
    return "\n".join(lines) + "\n"
