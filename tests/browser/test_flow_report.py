# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report's page in a real browser: wide and narrow, light and dark, without its script, on paper, by keyboard."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from devtools import Page
from pages import PAGES

LOOKING = (Path(__file__).parent / "looking.js").read_text(encoding="utf-8").replace("const looking", "var looking")
VIEWS = [(1400, "light"), (1400, "dark"), (400, "light"), (400, "dark")]
CONTRAST = 4.5


def opened(
    page: Page, files: dict[str, Path], name: str, width: int = 1400, scheme: str = "light", **more: bool
) -> None:
    page.open(files[name], width=width, scheme=scheme, **more)
    page.run(LOOKING + "; 0")


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize(("width", "scheme"), VIEWS)
def test_the_page_in_every_view(
    page: Page, files: dict[str, Path], pictures: Path, name: str, width: int, scheme: str
) -> None:
    opened(page, files, name, width, scheme)
    page.screenshot(pictures / f"{name}-{width}-{scheme}.png")
    assert page.problems() == []
    assert page.requests() == [files[name].as_uri()], "the page asks for nothing but itself"
    assert page.run("document.documentElement.scrollWidth") <= width, "the page itself does not scroll sideways"
    assert page.run("looking.maps()") == []
    assert page.run("looking.clipped()") == []
    assert page.run(f"looking.contrast({CONTRAST})") == []
    assert page.run("looking.structure()") == []
    paper = page.run("looking.luminance(looking.ground(document.body))")
    assert (paper > 0.5) is (scheme == "light")


@pytest.mark.parametrize("name", ["large"])
def test_every_chapter_of_a_large_report(page: Page, files: dict[str, Path], pictures: Path, name: str) -> None:
    opened(page, files, name)
    assert page.run("document.querySelectorAll('details.chapter').length") == 21
    page.run("document.querySelectorAll('details.chapter').forEach((one) => { one.open = true; })")
    assert page.run("looking.maps()") == []
    assert page.run("document.documentElement.scrollWidth") <= 1400
    page.screenshot(pictures / "large-chapter.png", "details.chapter:nth-of-type(3)")


def test_a_link_of_the_map_opens_the_chapter_that_it_leads_to(page: Page, files: dict[str, Path]) -> None:
    opened(page, files, "large")
    place = page.run("document.querySelector('#map-all a.namespace').getAttribute('href')")
    page.run(f"location.hash = {place!r}")
    assert page.run(f"document.querySelector({place!r}).matches(':target')")


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_whole_without_its_script(page: Page, files: dict[str, Path], name: str) -> None:
    opened(page, files, name, script=False)
    assert page.problems() == []
    assert page.run("document.querySelectorAll('button, input').length") == 0, "nothing that does nothing"
    assert page.run("document.querySelectorAll('svg.map .line').length") > 0
    assert page.run("document.body.innerText").count("Who talks to whom") >= 1


def test_no_name_of_a_cluster_becomes_markup(page: Page, files: dict[str, Path]) -> None:
    opened(page, files, "hostile")
    assert page.run("document.title").startswith("Harm")
    assert page.run("document.querySelectorAll('img, script:not(:last-of-type)').length") == 0
    assert page.run("document.querySelectorAll('script').length") == 1


def test_the_page_may_run_its_own_script_and_no_other(page: Page, files: dict[str, Path], tmp_path: Path) -> None:
    harmed = tmp_path / "harmed.html"
    text = files["small"].read_text(encoding="utf-8")
    harmed.write_text(
        text.replace("</h1>", "</h1><script>document.title='x'</script><img src='https://example.invalid/x.png'>", 1),
        encoding="utf-8",
    )
    page.open(harmed)
    assert page.run("document.title") != "x"
    refused = [text for text in page.problems() if "Content Security Policy" in text]
    assert len(refused) == 2


def test_the_keyboard_reaches_boxes_and_shows_their_lines(page: Page, files: dict[str, Path]) -> None:
    opened(page, files, "small")
    for __ in range(40):
        page.press("Tab")
        if page.run("document.activeElement.classList.contains('node')"):
            break
    assert page.run("document.activeElement.classList.contains('node')")
    assert page.run("document.querySelector('svg.map').classList.contains('focused')")
    assert page.run("document.querySelectorAll('svg.map .line.on').length") >= 1
    assert page.run("document.querySelectorAll('svg.map .line:not(.on)').length") >= 1


def test_tables_can_be_sorted_and_filtered(page: Page, files: dict[str, Path]) -> None:
    opened(page, files, "small")
    table = "[...document.querySelectorAll('table.list')].pop()"
    column = f"[...{table}.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[4].textContent)"
    page.run(f"{table}.tHead.rows[0].cells[4].querySelector('button').focus()")
    page.press("Enter")
    up = [int(text) for text in page.run(column)]
    assert up == sorted(up)
    assert page.run(f"{table}.tHead.rows[0].cells[4].getAttribute('aria-sort')") == "ascending"
    page.press("Enter")
    assert [int(text) for text in page.run(column)] == sorted(up, reverse=True)
    field = "[...document.querySelectorAll('.filter input')].pop()"
    page.run(f"{field}.value = 'COREDNS'; {field}.dispatchEvent(new Event('input'))")
    assert len(page.run(column)) == 3


@pytest.mark.parametrize(("name", "most"), [("small", 3), ("compared", 4)])
def test_the_page_prints(page: Page, files: dict[str, Path], pictures: Path, name: str, most: int) -> None:
    opened(page, files, name, scheme="dark")
    paper = page.pdf()
    (pictures / f"{name}.pdf").write_bytes(paper)
    assert paper.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= most
    page.call("Emulation.setEmulatedMedia", media="print", features=[])
    assert page.run("looking.luminance(looking.ground(document.body))") == 1, "paper is white, whatever the scheme"
    assert page.run(f"looking.contrast({CONTRAST})") == []
    page.screenshot(pictures / f"{name}-print.png")
    page.call("Emulation.setEmulatedMedia", media="", features=[])


def test_chapters_are_open_on_paper(page: Page, files: dict[str, Path]) -> None:
    opened(page, files, "large")
    page.call("Emulation.setEmulatedMedia", media="print", features=[])
    heights = page.run(
        "[...document.querySelectorAll('details.chapter table')].map((one) => one.getBoundingClientRect().height)"
    )
    page.call("Emulation.setEmulatedMedia", media="", features=[])
    assert min(heights) > 0
