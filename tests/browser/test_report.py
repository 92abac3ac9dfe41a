"""The page of a thread as a person uses it: reading, searching, with a keyboard, on a phone, in the dark; nothing of a state runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from selenium.webdriver.common.keys import Keys

from langgraph_filesaver import FileSaver
from tests.browser.chrome import Chrome
from tests.checkpoints import put
from tests.inspection.test_report import PAYLOADS, thread_of


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The page of a thread of twelve steps, each with one message more, and a message that was taken back."""
    saver = FileSaver(tmp_path / "checkpoints", fsync=False)
    messages: list[Any] = []
    for step in range(12):
        kind = AIMessage if step % 2 else HumanMessage
        messages = [*messages, kind(content=f"message number {step}", id=str(step))]
        if step == 6:
            messages = messages[:3]
        parent = f"{step - 1:02}" if step else None
        put(saver, f"{step:02}", {"messages": messages, "note": "line\n" * step}, parent=parent, step=step)
    path = tmp_path / "report.html"
    path.write_text(saver.thread("t").report(), encoding="utf-8")
    return path


def assert_quiet(chrome: Chrome) -> None:
    assert chrome.console() == []
    assert chrome.requests() == []


def seen(chrome: Chrome) -> list[Any]:
    return [each for each in chrome.find_all("#timeline details.step") if each.is_displayed()]


def test_a_step_opens_and_shows_its_state(chrome: Chrome, page: Path) -> None:
    """A click opens what the step changed; another one the whole state then, which is that of the step and not the latest."""
    chrome.open(page)
    assert len(seen(chrome)) == 12
    fifth = seen(chrome)[12 - 6]
    fifth.find_element("css selector", "summary").click()
    assert "message number 5" in fifth.text
    fifth.find_element("css selector", ".whole > summary").click()
    chrome.wait(lambda: bool(fifth.find_elements("css selector", ".state .message")))
    shown = [each.text for each in fifth.find_elements("css selector", ".state .message .text")]
    assert shown == [f"message number {number}" for number in range(6)]
    seventh = seen(chrome)[12 - 8]
    seventh.find_element("css selector", "summary").click()
    seventh.find_element("css selector", ".whole > summary").click()
    chrome.wait(lambda: bool(seventh.find_elements("css selector", ".state .message")))
    shown = [each.text for each in seventh.find_elements("css selector", ".state .message .text")]
    assert shown == ["message number 0", "message number 1", "message number 2", "message number 7"]
    assert_quiet(chrome)


def test_an_image_in_a_message_is_seen_in_its_step(chrome: Chrome, tmp_path: Path) -> None:
    """A picture stands in the whole state of a step; a vector image and an address from elsewhere stay text."""
    png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    addresses = [f"data:image/png;base64,{png}", "data:image/svg+xml;base64,PHN2Zy8+", "http://127.0.0.1:9/x.png"]
    blocks: list[Any] = [{"type": "image_url", "image_url": {"url": each}} for each in addresses]
    saver = FileSaver(tmp_path / "checkpoints", fsync=False)
    put(saver, "1", {"messages": [HumanMessage(content=[{"type": "text", "text": "look"}, *blocks])]})
    path = tmp_path / "report.html"
    path.write_text(saver.thread("t").report(), encoding="utf-8")
    chrome.open(path)
    chrome.script("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    chrome.wait(lambda: bool(chrome.find_all(".state .message img")))
    assert [each.get_attribute("src") for each in chrome.find_all(".state .message img")] == addresses[:1]
    assert chrome.script("return document.querySelector('.state .message img').naturalWidth") == 1
    assert_quiet(chrome)


def test_a_search_leaves_the_steps_that_match(chrome: Chrome, page: Path) -> None:
    """Only steps that hold the text stay; how many is told; the escape key brings all back."""
    chrome.open(page)
    chrome.find("#search").send_keys("NUMBER 4")
    assert len(seen(chrome)) == 2  # it came, and was taken back
    assert chrome.find("#told").text == "2 of 12 steps"
    chrome.keys(Keys.ESCAPE)
    assert len(seen(chrome)) == 12
    assert_quiet(chrome)


def test_all_of_it_goes_by_keyboard(chrome: Chrome, page: Path) -> None:
    """`/` goes to the search, `j` and `k` from step to step, Enter opens one; the focus is seen."""
    chrome.open(page)
    chrome.keys("/")
    assert chrome.script("return document.activeElement.id") == "search"
    chrome.keys("number 3", Keys.ESCAPE, "j", "j", "k", "j", Keys.ENTER)
    assert [each.get_attribute("open") is not None for each in seen(chrome)][:3] == [False, True, False]
    assert chrome.script("return getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert_quiet(chrome)


def test_everything_opens_and_closes_at_once(chrome: Chrome, page: Path) -> None:
    """The two buttons open and close all steps that are shown."""
    chrome.open(page)
    chrome.find("#open").click()
    assert len(chrome.find_all("#timeline details.step[open]")) == 12
    chrome.find("#close").click()
    assert chrome.find_all("#timeline details.step[open]") == []


@pytest.mark.parametrize("is_dark", [False, True])
def test_it_is_readable_on_a_phone_and_in_the_dark(chrome: Chrome, page: Path, tmp_path: Path, is_dark: bool) -> None:
    """Nothing is wider than a phone, the colours follow the scheme, and text stands out from what is behind it."""
    chrome.open(page, width=390, height=844, is_dark=is_dark)
    chrome.find("#open").click()
    assert chrome.script("return document.documentElement.scrollWidth") <= 390
    colours = "const s = getComputedStyle(document.querySelector('.lgfs')); return [s.color, s.backgroundColor]"
    ink, paper = (sum(map(int, each[4:-1].split(", "))) / 3 for each in chrome.script(colours))
    assert (ink > 200 > 60 > paper) if is_dark else (ink < 60 < 200 < paper)
    assert chrome.screenshot(tmp_path / "phone.png").stat().st_size > 10_000
    assert_quiet(chrome)


def test_without_scripts_the_timeline_is_readable(chrome: Chrome, page: Path) -> None:
    """With scripts off, the latest state, the steps and what they changed are there; only the tools are not."""
    chrome.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        chrome.open(page)
        assert not chrome.find("#tools").is_displayed()
        assert "message number 11" in chrome.find("main").text
        assert len(seen(chrome)) == 12
    finally:
        chrome.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


@pytest.mark.parametrize("payload", PAYLOADS)
def test_nothing_of_a_hostile_state_runs(chrome: Chrome, tmp_path: Path, payload: str) -> None:
    """Every step and every state of a thread full of markup is opened: no script of it runs, nothing is asked for."""
    path = tmp_path / "hostile.html"
    path.write_text(thread_of(FileSaver(tmp_path / "checkpoints", fsync=False), payload), encoding="utf-8")
    chrome.open(path)
    title = chrome.driver.title
    chrome.script("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    chrome.wait(lambda: len(chrome.find_all(".state .channel")) >= 4)
    assert chrome.driver.title == title
    assert title.startswith(payload[:20].strip())
    assert_quiet(chrome)


def test_what_is_not_seen_is_told_in_each_state(chrome: Chrome, tmp_path: Path) -> None:
    """The state of a step shows a turn of the writing direction and a control character by their codes, as the rest of the page does."""
    saver = FileSaver(tmp_path / "checkpoints", fsync=False)
    put(saver, "1", {"messages": [HumanMessage("\u202egnp.exe \x9b31m")], "\u2066name": 1})
    path = tmp_path / "report.html"
    path.write_text(saver.thread("t").report(), encoding="utf-8")
    chrome.open(path)
    chrome.script("document.querySelectorAll('details').forEach((each) => { each.open = true })")
    chrome.wait(lambda: bool(chrome.find_all(".state .message")))
    shown = chrome.script("return document.querySelector('.state[data-step]').textContent")
    assert "\\u202egnp.exe \\u009b31m" in shown
    assert "\\u2066name" in shown
    assert not {"\u202e", "\x9b", "\u2066"} & set(shown)
    assert_quiet(chrome)


@pytest.mark.parametrize("is_dark", [False, True])
@pytest.mark.parametrize(("theme", "brightest"), [("true", "paper"), ("false", "ink")])
def test_in_jupyterlab_its_theme_decides(
    chrome: Chrome, tmp_path: Path, theme: str, brightest: str, is_dark: bool
) -> None:
    """In a light JupyterLab a message is dark on light, in a dark one light on dark, whatever the system's own scheme."""
    saver = FileSaver(tmp_path / "checkpoints", fsync=False)
    put(saver, "1", {"messages": [HumanMessage(content="hello")]})
    page = tmp_path / "notebook.html"
    body = saver.thread("t").latest._repr_html_()
    page.write_text(f'<!doctype html><body data-jp-theme-light="{theme}">{body}</body>', encoding="utf-8")
    chrome.open(page, is_dark=is_dark)
    colours = "const s = getComputedStyle(document.querySelector('.message')); return [s.color, s.backgroundColor]"
    ink, paper = (sum(map(int, each[4:-1].split(", "))) / 3 for each in chrome.script(colours))
    assert (paper if brightest == "paper" else ink) > 180 > 100 > (ink if brightest == "paper" else paper)
