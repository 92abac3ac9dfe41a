"""What is shown stays of a size that a page, a terminal and Mermaid can take, whatever a thread holds."""

from __future__ import annotations

from typing import Any

from langgraph_filesaver.inspection.html_values import value
from langgraph_filesaver.inspection.lineage import knots
from langgraph_filesaver.inspection.mermaid import flowchart
from langgraph_filesaver.inspection.report import newest_first
from tests.checkpoints import put
from tests.stores import Home


def step(id_: str, parent: str | None, *, is_latest: bool = False) -> dict[str, Any]:
    told: dict[str, Any] = {"step": 0, "nodes": ["node"], "source": "loop", "is_late": False, "is_latest": is_latest}
    return {"checkpoint_id": id_, "parent_checkpoint_id": parent, **told}


def no_image(path: str) -> None:
    del path


def test_a_diagram_of_a_long_thread_is_one_that_mermaid_draws() -> None:
    """Ten thousand steps, a fork among them, stay below 500 arrows and 50,000 characters; all are counted, forks and ends are kept."""
    steps = [step(f"{at:05}", f"{at - 1:05}" if at else None, is_latest=at == 9_999) for at in range(10_000)]
    steps.append(step("fork", "05000"))
    diagram = flowchart(steps)
    assert diagram.count("-->") < 20
    assert "class c" in diagram
    made, left_out = knots(steps)
    assert left_out + sum(each.folded or 1 for each in made) == 10_001
    assert {"00000", "05000", "fork", "09999"} <= {each.summary["checkpoint_id"] for each in made if each.summary}


def test_a_diagram_of_many_forks_is_bounded() -> None:
    """Of a thousand forks the newest are drawn, and it is told how many are not."""
    diagram = flowchart([step("0", None), *(step(f"{at}", "0") for at in range(1, 1_001))])
    assert diagram.count("[") == 251
    assert "751 older checkpoints" in diagram


def test_parents_in_a_circle_are_drawn_once() -> None:
    """A circle that a person's hand made is opened: each checkpoint is drawn, and no arrow is missing but one."""
    diagram = flowchart([step("1", "3"), step("2", "1"), step("3", "2"), step("4", "4")])
    assert (diagram.count("["), diagram.count("-->")) == (4, 2)


def test_a_wide_and_deep_value_is_no_larger_than_a_page() -> None:
    """A list of 90 lists of 90 lists of 50 numbers is shown in less than a megabyte, the heavy parts in a line."""
    wide = [[[at] * 50 for at in range(90)] for _ in range(90)]
    shown = value(wide, no_image)
    assert len(shown) < 1_000_000
    assert "not all are shown" in shown
    assert "not all are shown" not in value([[1, [2, {"a": 3}]], list(range(1_000))], no_image)


def test_a_frame_of_pandas_is_a_table() -> None:
    """As it stands in a file, a frame of pandas shows its columns and cells; a categorical its categories."""
    frame = {
        "$type": "pandas.DataFrame",
        "columns": {"$type": "pandas.Index", "dtype": "str", "values": ["city", "n", "kind"]},
        "index": {"$type": "pandas.Index", "range": [0, 2, 1]},
        "data": [
            {"dtype": "str", "storage": "python", "values": ["Oslo", None]},
            {"dtype": "numpy", "values": {"$type": "ndarray", "dtype": "<i8", "shape": [2], "values": [1, 2]}},
            {"dtype": "category", "categories": {"dtype": "str", "values": ["a", "b"]}, "values": [1, -1]},
        ],
    }
    shown = value(frame, no_image)
    assert "<th scope=col>city</th><th scope=col>n</th><th scope=col>kind</th>" in shown
    assert "<td>Oslo</td><td>1</td><td>b</td>" in shown
    for damaged in (3, None, {"values": 3}, {"range": [0, 1, 0]}):
        assert "<th" not in value({**frame, "columns": damaged}, no_image)


def test_a_history_is_shown_though_the_step_before_is_gone(home: Home) -> None:
    """Where a parent is not there any more, its child is in the timeline, without its changes."""
    saver = home.saver()
    put(saver, "2", {"n": 2}, parent="1", step=2)
    put(saver, "3", {"n": 3}, parent="2", step=3)
    shown = saver.thread("t").history()._repr_html_()
    assert shown.count('class="step"') == 2


def test_the_images_of_a_page_have_a_budget(home: Home) -> None:
    """Of twenty images of half a megabyte as many are shown as a page can take, the others by their paths."""
    png = b"\x89PNG\r\n\x1a\n" + bytes(500_000)
    put(home.saver(), "1", {f"image {number}": png + bytes([number]) for number in range(20)})
    shown = home.saver().thread("t").latest._repr_html_()
    assert shown.count("<img ") == 9
    assert shown.count("artifacts/") == 20


def test_a_page_of_steps_that_share_nothing_is_bounded(home: Home) -> None:
    """Of 200 steps with 50 kB of their own each, the newest are told whole, of the oldest what they are; nothing is called empty."""
    saver = home.saver()
    for number in range(200):
        parent = f"{number - 1:03}" if number else None
        put(
            saver, f"{number:03}", {"text": f"{number} {'x' * 50_000}", "kept": "as it was"}, parent=parent, step=number
        )
    report = saver.thread("t").report()
    assert len(report) < 6_000_000
    assert report.count('<details class="step"') == 200
    assert '"199 xxx' in report
    assert '"0 xxx' not in report
    assert '"as it was"' in report
    assert report.count("$left_out") > 100


def test_changes_beyond_what_a_page_can_take_are_said_to_be_left_out() -> None:
    """Of a hundred steps that change 100 kB each, the newest tell what they changed, and every step is there."""
    steps = [(f"<b>{number}</b>", "y" * 100_000, "<hr>") for number in range(100)]
    shown = newest_first(steps)
    assert len(shown) < 2_600_000
    assert shown.startswith("<b>99</b>yyy")
    assert shown.endswith("the files tell what changed</p><hr>")
    assert shown.count("<hr>") == 100
