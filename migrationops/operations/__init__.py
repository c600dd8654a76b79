"""Operations that change a table in use without an outage.

Each can be run again after a kill at any statement, and leaves the state that
Django's autodetector expects.
"""

from __future__ import annotations

from migrationops.operations.backfill import Backfill, run_backfills
from migrationops.operations.change_type import (
    ChangeTypeBackfill,
    ChangeTypeContract,
    ChangeTypeExpand,
)
from migrationops.operations.checks import AddCheck
from migrationops.operations.deletion import DeleteModel, DropTable
from migrationops.operations.field_objects import ConstrainField
from migrationops.operations.fields import AddFieldWithDefault, DropDatabaseDefault
from migrationops.operations.foreign_keys import AddForeignKey
from migrationops.operations.indexes import AddIndex, RemoveIndex
from migrationops.operations.not_null import SetNotNull
from migrationops.operations.removal import DropColumn, RemoveField
from migrationops.operations.rename import (
    RenameFieldBackfill,
    RenameFieldContract,
    RenameFieldExpand,
)
from migrationops.operations.uniqueness import AddUnique

__all__ = [
    "AddCheck",
    "AddFieldWithDefault",
    "AddForeignKey",
    "AddIndex",
    "AddUnique",
    "Backfill",
    "ChangeTypeBackfill",
    "ChangeTypeContract",
    "ChangeTypeExpand",
    "ConstrainField",
    "DeleteModel",
    "DropColumn",
    "DropDatabaseDefault",
    "DropTable",
    "RemoveField",
    "RemoveIndex",
    "RenameFieldBackfill",
    "RenameFieldContract",
    "RenameFieldExpand",
    "SetNotNull",
    "run_backfills",
]

# A migration that is written by a program names its operations by their module.
for _name in __all__:
    globals()[_name].__module__ = __name__
