"""A deploy with a step of every kind, and what an undisturbed run of it leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migrationops.postgres import introspection
from tests.shop import ADD_PRICE, Shop

GATE = 4714  # an advisory lock; a run that comes to the gate waits until it is free

# The function is part of the schema from the start, so that no catalog differs by it.
# It polls: a waiting lock would be cut off by the session's lock_timeout.
GATE_FUNCTION = f"""
CREATE FUNCTION wait_at_the_gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  WHILE NOT pg_try_advisory_xact_lock_shared({GATE}) LOOP
    PERFORM pg_sleep(0.02);
  END LOOP;
  RETURN NEW;
END $$
"""
GATE_TRIGGER = """
CREATE TRIGGER gate BEFORE INSERT OR UPDATE ON migrationops_step FOR EACH ROW
WHEN (NEW.number = {number} AND NEW.state = '{state}')
EXECUTE FUNCTION wait_at_the_gate()
"""
AT_THE_GATE = (
    "SELECT count(*) > 0 FROM pg_stat_activity "
    "WHERE datname = current_database() AND wait_event = 'PgSleep'"
)

EXTRA = """
from django.db.models import Q, Value
from migrationops import operations as safe


def price(apps, schema_editor):
    rows = apps.get_model("shop", "Item").objects.using(schema_editor.connection.alias)
    rows.filter(price=None).update(price=7)


def note(apps, schema_editor):
    # with keys of its own: a try that is rolled back gives no sequence's values back
    alias = schema_editor.connection.alias
    Note, Item = apps.get_model("shop", "Note"), apps.get_model("shop", "Item")
    items = Item.objects.using(alias).order_by("pk")[:50]
    notes = [Note(id=item.id, item=item) for item in items]
    Note.objects.using(alias).bulk_create(notes)


price.idempotent = True
"""
BACK = "migrations.RunPython.noop"
# The constraint of its foreign key is deferred SQL.
NOTE = """migrations.CreateModel("Note", [
    ("id", models.BigAutoField(primary_key=True)),
    ("item", models.ForeignKey("shop.Item", models.CASCADE)),
])"""
UNIQUE = "models.CharField(max_length=9, null=True, unique=True)"
INDEX = 'models.Index(fields=["price"], name="item_price")'
NAMED = 'models.Index(fields=["name"], name="item_name")'

ATOMIC = [
    ("0002_expand_note", [ADD_PRICE, NOTE]),
    ("0005_backfill_notes", [f"migrations.RunPython(note, {BACK})"]),
]
# Statements that could not be run twice, a deferred one, data in between.
NOT_ATOMIC = [
    (
        "0003_expand_mixed",
        [
            'migrations.RunSQL("CREATE TABLE plain (id int PRIMARY KEY)")',
            f'AddIndexConcurrently("item", {INDEX})',
            f"migrations.RunPython(price, {BACK})",
            f'migrations.AddField("item", "code", {UNIQUE})',
            'migrations.RunSQL("ALTER TABLE plain ADD COLUMN word text")',
        ],
    ),
    (
        "0004_backfill_name",
        ['safe.Backfill("item", {"name": Value("new")}, ~Q(name="new"))'],
    ),
    (
        "0006_contract_item",
        [
            f'safe.AddIndex("item", {NAMED})',
            'safe.SetNotNull("item", "price", models.IntegerField())',
        ],
    ),
]
DEPLOY = sorted(name for name, _ in (*ATOMIC, *NOT_ATOMIC))


def write_deploy(shop: Shop) -> None:
    """Write the pending migrations; the deploy rehearses and backs up."""
    atomic, others = dict(ATOMIC), dict(NOT_ATOMIC)
    after = "0001_expand_item"
    for name in DEPLOY:
        operations = atomic.get(name) or others[name]
        shop.add(name, *operations, after=after, atomic=name in atomic, extra=EXTRA)
        after = name
    shop.ops.update(
        POLICY={"rehearse": True, "backup": "decoded", "lock_timeout": 0.3},
        OUTAGE_BUDGET=1,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything that an undisturbed run leaves; what any other must leave too."""

    catalog: str
    rows: tuple[tuple[str, str], ...]
    records: tuple[tuple[str, str], ...]
    permissions: tuple[str, ...]
    invalid: tuple[str, ...]
    settings: tuple[Any, ...]  # of a role or the database, that would outlive a session


_TABLES = """
SELECT oid::regclass::text FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
  AND relname !~ '^(migrationops|django|auth)_' ORDER BY 1
"""
_PERMISSIONS = """
SELECT app_label || '.' || model || '.' || codename
FROM auth_permission JOIN django_content_type t ON t.id = content_type_id ORDER BY 1
"""


def content(shop: Shop) -> Content:
    """Read the shop's database."""
    with shop.connect() as connection:
        catalog = introspection.catalog(connection).fingerprint
        invalid = introspection.invalid_indexes(connection)
    tables = [name for (name,) in shop.query(_TABLES)]
    rows = "SELECT coalesce(string_agg(t::text, ',' ORDER BY t), '') FROM {} t"
    records = shop.query("SELECT app, name FROM django_migrations ORDER BY id")
    return Content(
        catalog=catalog,
        rows=tuple((name, shop.query(rows.format(name))[0][0]) for name in tables),
        records=tuple((app, name) for app, name in records if app == "shop"),
        permissions=tuple(name for (name,) in shop.query(_PERMISSIONS)),
        invalid=invalid,
        settings=tuple(shop.query("SELECT setconfig FROM pg_db_role_setting")),
    )


def leftovers(shop: Shop) -> dict[str, object]:
    """Return what no run may leave behind: databases, halves, sessions, open runs."""
    name = shop.params["dbname"]
    backups = sorted(p.suffix for p in (shop.directory / "backups").glob("*"))
    halves = backups.count(".partial") + abs(
        backups.count(".dump") - backups.count(".json")
    )
    found = {
        "databases": shop.query(
            "SELECT datname FROM pg_database WHERE datname LIKE %s AND datname <> %s",
            f"{name}%",
            name,
        ),
        "halves": halves,
        "sessions": shop.query(
            "SELECT application_name FROM pg_stat_activity WHERE datname = %s "
            "AND application_name LIKE %s",
            name,
            "migrationops%",
        ),
        "runs": shop.query("SELECT id FROM migrationops_run WHERE state = 'open'"),
        "due": shop.query("SELECT id FROM migrationops_run WHERE post_migrate_due"),
    }
    return {kind: what for kind, what in found.items() if what}


def step_labels(shop: Shop) -> list[str]:
    """Return what each step of the newest run was, in order."""
    rows = shop.query(
        "SELECT s.kind || ': ' || s.label FROM migrationops_step s "
        "JOIN (SELECT id FROM migrationops_run ORDER BY started_at DESC LIMIT 1) r "
        "ON r.id = s.run_id ORDER BY s.number"
    )
    return [label for (label,) in rows]
