"""Let the database keep the ledger: post, match, refuse.

1. Posting an entry takes the member's row lock and sets seq, balance_after,
   earned_delta and day; a redemption never overdraws.
2. Nobody else writes a balance, and a balance without its entry is refused at
   the end of the transaction.
3. Entries are neither changed, deleted nor truncated, save by a purge.
"""

from __future__ import annotations

from django.db import migrations

POST = """
CREATE FUNCTION ledger_post() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  cause rewards_pointentry%ROWTYPE;
BEGIN
  NEW.earned_delta :=
    CASE WHEN NEW.kind IN ('chore', 'bonus', 'badge') THEN NEW.amount ELSE 0 END;
  IF NEW.kind = 'reversal' AND NEW.reverses_id IS NOT NULL THEN
    SELECT * INTO cause FROM rewards_pointentry WHERE id = NEW.reverses_id;
    IF NOT FOUND OR cause.kind = 'reversal'
       OR cause.member_id <> NEW.member_id OR cause.amount <> -NEW.amount THEN
      RAISE EXCEPTION 'a reversal mirrors its entry'
        USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_reversal_mirrors';
    END IF;
    NEW.earned_delta := -cause.earned_delta;
    NEW.day := cause.day;
  ELSIF NEW.kind = 'chore' AND NEW.completion_id IS NOT NULL THEN
    SELECT done_on INTO NEW.day FROM tasks_chorecompletion WHERE id = NEW.completion_id;
  ELSE
    SELECT (now() AT TIME ZONE timezone - make_interval(hours => day_starts_hour))::date
      INTO NEW.day FROM households_household WHERE id = NEW.household_id;
  END IF;
  UPDATE households_membership AS m
     SET balance = m.balance + NEW.amount,
         earned = m.earned + NEW.earned_delta,
         entries = m.entries + 1
   WHERE m.id = NEW.member_id
     AND (NEW.kind <> 'redeem' OR m.balance + NEW.amount >= 0)
  RETURNING m.balance, m.entries INTO NEW.balance_after, NEW.seq;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'not enough points'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_no_overdraft';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_b_post BEFORE INSERT ON rewards_pointentry
  FOR EACH ROW WHEN (NEW.seq = 0) EXECUTE FUNCTION ledger_post();
"""

LOAD = """
CREATE FUNCTION ledger_load() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF current_setting('chores.load', true) IS DISTINCT FROM 'on' THEN
    RAISE EXCEPTION 'seq belongs to the ledger; a bulk load sets chores.load'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_seq_given';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_a_load BEFORE INSERT ON rewards_pointentry
  FOR EACH ROW WHEN (NEW.seq <> 0) EXECUTE FUNCTION ledger_load();
"""

KEEP = """
CREATE FUNCTION ledger_keep() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() = 1
     AND current_setting('chores.load', true) IS DISTINCT FROM 'on' THEN
    NEW.balance := OLD.balance;
    NEW.earned := OLD.earned;
    NEW.entries := OLD.entries;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_keep BEFORE UPDATE ON households_membership
  FOR EACH ROW WHEN (OLD.balance IS DISTINCT FROM NEW.balance
    OR OLD.earned IS DISTINCT FROM NEW.earned
    OR OLD.entries IS DISTINCT FROM NEW.entries)
  EXECUTE FUNCTION ledger_keep();
"""

MATCH = """
CREATE FUNCTION ledger_match() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM households_membership AS m
    WHERE m.id = NEW.id AND (m.balance, m.earned, m.entries) <> (0, 0, 0)
      AND NOT EXISTS (
        SELECT 1 FROM rewards_pointentry AS e
         WHERE e.member_id = m.id AND e.seq = m.entries
           AND e.balance_after = m.balance
      );
  IF FOUND THEN
    RAISE EXCEPTION 'a balance without its ledger entry'
      USING ERRCODE = 'check_violation', CONSTRAINT = 'membership_balance_matches';
  END IF;
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ledger_match
  AFTER INSERT OR UPDATE OF balance, earned, entries ON households_membership
  DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION ledger_match();
"""

REFUSE = """
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('chores.purge', true) = 'on' THEN
    RETURN OLD;
  END IF;
  IF TG_OP = 'TRUNCATE' AND current_setting('chores.truncate', true) = 'on' THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION 'the ledger is append-only; reverse an entry instead'
    USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_append_only';
END $$;
CREATE TRIGGER ledger_refuse_change BEFORE UPDATE OR DELETE ON rewards_pointentry
  FOR EACH ROW EXECUTE FUNCTION ledger_refuse();
CREATE TRIGGER ledger_refuse_truncate BEFORE TRUNCATE ON rewards_pointentry
  FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse();
"""


ENTRY = "rewards_pointentry"
MEMBER = "households_membership"


def drop(function: str, table: str, *triggers: str) -> str:
    """Return the way back: a function goes after its triggers."""
    dropped = [f"DROP TRIGGER {trigger} ON {table};" for trigger in triggers]
    return " ".join([*dropped, f"DROP FUNCTION {function}();"])


class Migration(migrations.Migration):
    dependencies = [("rewards", "0003_expand_ledger")]

    operations = [
        migrations.RunSQL(POST, drop("ledger_post", ENTRY, "ledger_b_post")),
        migrations.RunSQL(LOAD, drop("ledger_load", ENTRY, "ledger_a_load")),
        migrations.RunSQL(KEEP, drop("ledger_keep", MEMBER, "ledger_keep")),
        migrations.RunSQL(MATCH, drop("ledger_match", MEMBER, "ledger_match")),
        migrations.RunSQL(
            REFUSE,
            drop(
                "ledger_refuse",
                ENTRY,
                "ledger_refuse_change",
                "ledger_refuse_truncate",
            ),
        ),
    ]
