# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The documentation site in a real browser: every page, narrow and wide, light and dark, and by keyboard."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from devtools import Page

ROOT = Path(__file__).resolve().parents[2]
HTML = ROOT / "build" / "site" / "html"
LOOKING = Path(__file__).with_name("looking_site.js").read_text(encoding="utf-8").replace("const site", "var site", 1)
VIEWS = [(375, "light"), (375, "dark"), (1280, "light"), (1280, "dark")]
CONTRAST = 4.5
SMALLEST_PX = 11
# Lists of links that Sphinx makes by itself.
LISTS = {"genindex.html", "search.html"}
# Pages of each kind whose pictures are kept in build/browser.
LOOKED_AT = (
    "index",
    "modes",
    "hardening",
    "start-azure",
    "troubleshooting",
    "reference/cilium_status_module",
    "reference/role-policy_hardening",
    "reference/policy_hardening_role",
)


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder of the built pages. What is wrong with a page's links or text is a matter of docs/build.py."""
    done = subprocess.run(
        [sys.executable, "docs/build.py"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert (HTML / "index.html").exists(), done.stdout + done.stderr
    return HTML


def opened(page: Page, file: Path, width: int = 1280, scheme: str = "light") -> None:
    page.open(file, width=width, scheme=scheme)
    page.run(LOOKING + "; 0")


def complaints(page: Page, file: Path, width: int, scheme: str) -> list[str]:
    """All that is wrong with one page in one view."""
    opened(page, file, width, scheme)
    outside = [address for address in page.requests() if not address.startswith(("file://", "data:"))]
    found = [*page.problems(), *(f"asks for {address}" for address in outside)]
    for question in (
        f"site.outside({width})",
        "site.options()",
        "site.scrolling()",
        f"site.small({SMALLEST_PX})",
        f"site.contrast({CONTRAST})",
        "site.structure()",
    ):
        found += page.run(question)
    if page.run("document.documentElement.scrollWidth") > width:
        found.append("the page itself scrolls sideways")
    return found


# Two of the four views for all; test_pages_of_each_kind_in_every_view has all four for some.
@pytest.mark.parametrize(("width", "scheme"), [(375, "dark"), (1280, "light")])
def test_every_page_can_be_read(page: Page, site: Path, width: int, scheme: str) -> None:
    """One test for all pages, since there are many, and each complaint names its page."""
    files = [file for file in sorted(site.rglob("*.html")) if file.name not in LISTS]
    assert len(files) > 40
    assert [f"{file.relative_to(site)}: {one}" for file in files for one in complaints(page, file, width, scheme)] == []


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_pages_of_each_kind_in_every_view(
    page: Page, site: Path, pictures: Path, name: str, width: int, scheme: str
) -> None:
    assert complaints(page, site / f"{name}.html", width, scheme) == []
    page.screenshot(pictures / f"site-{name.replace('/', '-')}-{width}-{scheme}.png")
    paper = page.run("site.luminance(site.ground(document.querySelector('article')))")
    assert (paper > 0.5) is (scheme == "light")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_switch_of_light_and_dark_reaches_the_tables_of_options(page: Page, site: Path, scheme: str) -> None:
    """The theme goes from the system's scheme to light and dark by a button; what is not its own must follow."""
    opened(page, site / "reference" / "cilium_status_module.html", scheme="light" if scheme == "dark" else "dark")
    page.run("localStorage.clear(); document.body.dataset.theme = 'auto'")
    for __ in range(4):
        if page.run("document.body.dataset.theme") == scheme:
            break
        page.run("[...document.querySelectorAll('.theme-toggle')].pop().click()")
    assert page.run("document.body.dataset.theme") == scheme
    band = page.run("site.luminance(site.ground(document.querySelector('p.ansible-option-title')))")
    assert (band > 0.5) is (scheme == "light")
    assert page.run(f"site.contrast({CONTRAST})") == []
    page.run("localStorage.clear()")


def test_the_keyboard_reaches_search_navigation_and_text(page: Page, site: Path) -> None:
    opened(page, site / "hardening.html")
    seen = []
    for __ in range(60):
        page.press("Tab")
        seen.append(
            page.run(
                "((e) => e.closest('article') ? 'text' : e.closest('.sidebar-search-container') ? 'search'"
                " : e.closest('.sidebar-tree') ? 'navigation' : e.className)(document.activeElement)"
            )
        )
        if "text" in seen:
            break
    assert [place for place in ("search", "navigation", "text") if place not in seen] == []
    outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "the place of the keyboard is visible"


def test_a_chapter_of_the_navigation_opens_by_keyboard_and_a_link_leads_on(page: Page, site: Path) -> None:
    opened(page, site / "index.html")
    link = "[...document.querySelectorAll('.sidebar-tree a')].find((one) => one.textContent.trim() === 'Hardening')"
    page.run(f"{link}.focus()")
    assert page.run(f"document.activeElement === {link}")
    page.events.clear()
    page.press("Enter")
    page.wait_for_load()
    assert page.run("document.querySelector('h1').textContent").startswith("Hardening")
    current = page.run("document.querySelector('.sidebar-tree .current-page > a').textContent.trim()")
    assert current == "Hardening"


def test_on_a_small_screen_the_navigation_opens_and_covers_the_text(page: Page, site: Path) -> None:
    opened(page, site / "index.html", 375)
    assert page.run("document.querySelector('.sidebar-drawer').getBoundingClientRect().right") <= 0
    page.run("document.querySelector('.sidebar-drawer').style.transition = 'none'")
    page.run("document.querySelector('label.nav-overlay-icon, .nav-overlay-icon label').click()")
    assert page.run("document.querySelector('.sidebar-drawer').getBoundingClientRect().left") >= 0
    assert page.run(f"site.contrast({CONTRAST})") == []


def test_the_search_finds_a_module_without_a_server(page: Page, site: Path) -> None:
    opened(page, site / "search.html")
    page.events.clear()
    page.run("location.href = 'search.html?q=network_policy_soak'")
    page.wait_for_load()
    page.wait_until("document.querySelectorAll('#search-results li a').length > 0")
    found = page.run("[...document.querySelectorAll('#search-results li a')].map((one) => one.getAttribute('href'))")
    assert any("network_policy_soak_module.html" in address for address in found)
    assert all(address.startswith(("file://", "data:")) for address in page.requests())
