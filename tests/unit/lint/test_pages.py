from __future__ import annotations

import runpy

from tests.sources import ROOT

DOCS = ROOT / "docs"


def test_the_pages_of_the_rules_are_what_the_rules_say() -> None:
    pages = runpy.run_path(str(DOCS / "rules.py"))["pages"]()
    directory = DOCS / "reference" / "rules"

    on_disk = {path.name: path.read_text() for path in directory.iterdir()}

    assert on_disk == pages, "Run: python docs/rules.py"
