"""Headless Chromium, the one of the system or Playwright's own."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import AbstractUser
    from pytest_django.live_server_helper import LiveServer

Scheme = Literal["light", "dark"]
PICTURES = Path(__file__).resolve().parents[2] / "var" / "screenshots"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PASSWORD = "password"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A page of the admin, seen by a superuser who has logged in."""

    page: Page
    url: str

    def go(self, path: str) -> None:
        response = self.page.goto(f"{self.url}{path}")
        assert response
        assert response.ok, (path, response.status)

    def picture(self, name: str) -> None:
        """Keep the whole page below var/screenshots, to be looked at."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


@pytest.fixture
def visit(
    live_server: LiveServer, admin_user: AbstractUser
) -> Callable[..., Iterator[Visitor]]:
    """Return a context manager that opens the admin in a scheme and a width."""
    path = shutil.which("chromium") or shutil.which("google-chrome")

    @contextmanager
    def visit(scheme: Scheme = "light", width: int = 1280) -> Iterator[Visitor]:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
            page = browser.new_page(
                color_scheme=scheme, viewport={"width": width, "height": 800}
            )
            visitor = Visitor(page, live_server.url)
            visitor.go("/admin/login/?next=/admin/")
            page.fill("[name=username]", admin_user.get_username())
            page.fill("[name=password]", PASSWORD)
            page.press("[name=password]", "Enter")
            page.wait_for_selector("#user-tools")
            yield visitor
            browser.close()

    return visit
