"""The history as people see it; pictures are left in var/screenshots."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import pytest

from migrationops.models import Run
from tests.runs import make_failed, make_run

if TYPE_CHECKING:
    from tests.browser.conftest import Scheme, Visitor

    Visit = Callable[..., AbstractContextManager[Visitor]]

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LIST = "/admin/migrationops/run/"


def page_of(run: Run) -> str:
    return f"{LIST}{run.pk}/change/"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_are_there_in_both_schemes(visit: Visit, scheme: Scheme) -> None:
    failed = make_failed(minutes=50, seconds=9)
    for number, state in enumerate(["done", "refused", "stopped", "differs", "open"]):
        make_run(state, minutes=number, seconds=3 + number * 2)

    with visit(scheme) as visitor:
        for name, path in {
            "index": "/admin/",
            "list": LIST,
            "run": page_of(failed),
        }.items():
            visitor.go(path)
            visitor.picture(f"{name}-{scheme}")


def test_the_list_fits_a_narrow_screen(visit: Visit) -> None:
    make_failed()

    with visit(width=400) as visitor:
        visitor.go(LIST)
        visitor.picture("list-narrow")

        assert visitor.page.evaluate("document.body.scrollWidth") <= 400


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_coloured_can_be_read(visit: Visit, scheme: Scheme) -> None:
    run = make_failed()
    make_run("refused", error="No: it is Friday", minutes=5)
    make_run("open", minutes=10, finished_at=None)

    with visit(scheme) as visitor:
        for path in (LIST, page_of(run)):
            visitor.go(path)
            contrasts = visitor.page.eval_on_selector_all(COLOURED, CONTRAST)
            assert contrasts
            assert min(contrasts) >= 4.5, (path, contrasts)


def test_the_pages_have_names_for_who_does_not_see(visit: Visit) -> None:
    run = make_failed()

    with visit() as visitor:
        visitor.go(LIST)
        visitor.page.get_by_role(
            "img", name="How long the latest 1 runs took"
        ).wait_for()
        visitor.go(page_of(run))
        steps = visitor.page.get_by_role("table", name="Steps")
        assert steps.get_by_role("columnheader").all_inner_texts() == [
            "STEP",
            "OUTCOME",
            "TOOK",
        ]


def test_a_long_statement_is_opened_from_the_keyboard(visit: Visit) -> None:
    run = make_run()
    run.steps.update(label="CREATE TABLE ...", sql="CREATE TABLE vault (secret text)")

    with visit() as visitor:
        visitor.go(page_of(run))
        text = visitor.page.get_by_text("CREATE TABLE vault").first
        assert not text.is_visible()
        visitor.page.locator("summary", has_text="CREATE TABLE").first.focus()
        visitor.page.keyboard.press("Enter")
        assert text.is_visible()


COLOURED = ".ops-state, .ops-error:not(:empty), .ops-kind, .ops-facts dt, .environment"

# The contrast of WCAG 2: relative luminance of the text and of what is behind it.
CONTRAST = """elements => elements.map(element => {
    const channels = colour => colour.match(/[\\d.]+/g).map(Number);
    const luminance = colour => {
        const [r, g, b] = channels(colour).slice(0, 3).map(c => c / 255).map(
            c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const isClear = colour => channels(colour)[3] === 0;
    let behind = element;
    while (behind && isClear(getComputedStyle(behind).backgroundColor))
        behind = behind.parentElement;
    const ground = getComputedStyle(behind || document.body).backgroundColor;
    const both = [getComputedStyle(element).color, ground].map(luminance);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
})"""
