"""What `backups list` prints of files and databases that nobody of ours has named."""

from __future__ import annotations

from datetime import UTC, datetime

from migrationops.backups.catalog import Listing, Unusable
from migrationops.backups.derived import Derived, Role
from migrationops.management.backup_reports import backups_text, verified_text
from migrationops.workflows.backups import Listed, Verified

PLANTED = "backup-\x1b[2J\nbackup-1  pg_dump  1 kB  restored"


def test_a_planted_name_is_one_line_and_moves_no_cursor() -> None:
    listing = Listing(
        backups=(),
        unusable=(Unusable(id=PLANTED, problem="no name"),),
        leftovers=(PLANTED + ".dump", "backup-ü.dump"),
    )
    text = backups_text(Listed(directory="/b", listing=listing, databases=()))
    assert "\x1b" not in text
    assert len(text.splitlines()) == 1 + 2 + 3
    assert "backup-ü.dump" in text
    verified = verified_text([Verified(id=PLANTED, level="none", rows=0, problem="no")])
    assert "\x1b" not in verified
    assert "\n" not in verified


def test_a_database_whose_maker_died_while_it_was_made_has_no_date() -> None:
    epoch = datetime.fromtimestamp(0, UTC)
    half = Derived(
        name="shop_1", role=Role.BUILDING, database="shop", run="", backup="", at=epoch
    )
    text = backups_text(
        Listed(directory="/b", listing=Listing(backups=()), databases=(half,))
    )
    assert "building" in text
    assert "1970" not in text
