"""What changed between two values: nothing is left out, nothing is said that is not so, and it ends in time."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from langgraph_filesaver.inspection.diff import change_of, changes

SCALARS = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", "one\ntwo", "one\n2", "one\ntwo\n"])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(["id", "$type", "x", "y"]), inner),
    max_leaves=12,
)


def applied(old: Any, change: dict[str, Any] | None) -> Any:
    """Return what a change makes of `old`; of a text only what it says of its lines can be checked."""
    if change is None:
        return old
    if change["change"] == "added" or change.get("kind") == "value":
        return change.get("new", change.get("value"))
    if change["kind"] == "dict":
        return applied_to_names(old, change["entries"])
    items: list[Any] = []
    rest = list(old)
    for each in change["items"]:
        if each["op"] == "=":
            items += rest[: each["count"]]
            rest = rest[each["count"] :]
        elif each["op"] == "+":
            assert each["index"] == len(items)
            items.append(each["value"])
        else:
            assert each.get("old_index", each["index"]) == len(old) - len(rest)
            gone = rest.pop(0)
            if each["op"] == "~":
                items.append(applied(gone, each))
            else:
                assert gone == each["value"]
    assert rest == []
    return items


def applied_to_names(old: dict[str, Any], entries: dict[str, dict[str, Any]]) -> dict[str, Any]:
    new = dict(old)
    for name, change in entries.items():
        if change["change"] == "removed":
            assert new.pop(name) == change["value"]
        else:
            new[name] = applied(old.get(name), change)
    return new


def without_lines(value: Any) -> Any:
    """Return a value in which no text has two lines: of such a text a diff leaves out what stayed."""
    if isinstance(value, list):
        return [without_lines(item) for item in value]
    if isinstance(value, dict):
        return {key: without_lines(item) for key, item in value.items()}
    return value.replace("\n", " ") if isinstance(value, str) else value


@given(st.dictionaries(st.sampled_from("abc"), VALUES), st.dictionaries(st.sampled_from("abc"), VALUES))
def test_a_diff_makes_the_new_out_of_the_old(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Applying what is told to have changed to the old state gives the new one, in value and type."""
    old, new = without_lines(old), without_lines(new)
    made = applied_to_names(old, changes(old, new))
    assert repr(sorted(made.items())) == repr(sorted(new.items()))


@given(VALUES, VALUES)
def test_only_equal_values_have_no_change(old: Any, new: Any) -> None:
    """None is the answer if and only if both are equal in value and type: 1 is not true, and a lost line break counts."""
    is_same = repr(_sorted(old)) == repr(_sorted(new))
    assert (change_of(old, new) is None) == is_same


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return "dict", sorted((key, _sorted(item)) for key, item in value.items())
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_a_text_is_compared_by_line() -> None:
    """Lines that went and came are told with two lines around them; far ones are left out."""
    old = "\n".join(f"line {number}" for number in range(20))
    change = change_of(old, old.replace("line 10", "line ten"))
    assert change is not None
    lines = [(each["op"], each["text"]) for each in change["lines"] if each["op"] != "@"]
    assert lines == [
        (" ", "line 8"),
        (" ", "line 9"),
        ("-", "line 10"),
        ("+", "line ten"),
        (" ", "line 11"),
        (" ", "line 12"),
    ]


def test_a_message_that_was_corrected_is_one_change() -> None:
    """An item of the same id in the same place is told by what changed inside it, not as gone and come."""
    old = [{"$type": "m.Human", "id": "1", "content": "a"}, {"$type": "m.AI", "id": "2", "content": "b"}]
    new = [old[0], {"$type": "m.AI", "id": "2", "content": "c"}]
    assert change_of(old, new) == {
        "change": "changed",
        "kind": "list",
        "items": [
            {"op": "=", "count": 1},
            {
                "op": "~",
                "old_index": 1,
                "index": 1,
                "change": "changed",
                "kind": "dict",
                "entries": {"content": {"change": "changed", "kind": "value", "old": "b", "new": "c"}},
            },
        ],
    }


def test_lists_that_cannot_be_aligned_in_time_are_replaced() -> None:
    """Of 20,000 items that repeat each other, which difflib would compare for hours, all that differ are told as gone and come."""
    old, new = ["a", "b"] * 10_000, ["c", *["b", "b", "a"] * 6_000, "d"]
    change = change_of(old, new)
    assert change is not None
    assert applied(old, change) == new
