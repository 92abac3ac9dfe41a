"""The browser of the tests notices what it is there to notice."""

from __future__ import annotations

from pathlib import Path

from tests.browser.chrome import Chrome


def page_of(folder: Path, body: str) -> Path:
    page = folder / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8><title>still</title>{body}", encoding="utf-8")
    return page


def test_a_quiet_page_is_quiet(chrome: Chrome, tmp_path: Path) -> None:
    """A page without scripts leaves no message, no request and its title."""
    chrome.open(page_of(tmp_path, "<p id=one>hello</p>"))
    assert chrome.find("#one").text == "hello"
    assert (chrome.console(), chrome.requests(), chrome.driver.title) == ([], [], "still")


def test_an_error_of_a_script_is_noticed(chrome: Chrome, tmp_path: Path) -> None:
    """A script that fails leaves a message on the console, and one that runs can be told by its effect."""
    chrome.open(page_of(tmp_path, "<script>document.title = 'ran'; nothing.there</script>"))
    assert chrome.driver.title == "ran"
    assert any("nothing is not defined" in each for each in chrome.console())


def test_a_request_is_noticed(chrome: Chrome, tmp_path: Path) -> None:
    """An image from elsewhere is a request that is kept, though nobody answers it."""
    chrome.open(page_of(tmp_path, "<img src='http://127.0.0.1:9/pixel.png'>"))
    assert chrome.requests() == ["http://127.0.0.1:9/pixel.png"]


def test_size_and_colours_are_those_that_were_asked_for(chrome: Chrome, tmp_path: Path) -> None:
    """A phone's width and a dark scheme reach the page; a screenshot is as large as the window."""
    chrome.open(
        page_of(tmp_path, "<meta name=viewport content='width=device-width'>"), width=390, height=844, is_dark=True
    )
    assert chrome.script("return innerWidth") == 390
    assert chrome.script("return matchMedia('(prefers-color-scheme: dark)').matches")
    taken = chrome.screenshot(tmp_path / "page.png").read_bytes()
    assert taken.startswith(b"\x89PNG")
    assert (int.from_bytes(taken[16:20], "big"), int.from_bytes(taken[20:24], "big")) == (390, 844)
