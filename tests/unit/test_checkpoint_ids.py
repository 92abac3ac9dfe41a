"""`_checkpoint_ids`: the greatest id is told at a glance only where all names would tell the same (P4, P5)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._checkpoint_ids import CheckpointIds

STEMS = st.text("01ab-_", min_size=1, max_size=4)
STRAYS = st.sampled_from(
    ["a.txt", "notes", "a.json.json", "A.json", "con.json", ".json", "b.json~", "a\n.json", "x.jsom"]
)


def ids_of(names: set[str]) -> tuple[CheckpointIds, list[str]]:
    """Return the ids in a listing, and all that stand in its names, ascending."""
    listing = tuple(sorted(names))
    plain = sorted(layout.json_stems(listing)[0])
    return CheckpointIds(listing, lambda each: sorted(layout.json_stems(each)[0])), plain


@given(st.sets(STEMS.map("{}.json".format) | STRAYS))
def test_the_greatest_comes_first_whatever_the_names(names: set[str]) -> None:
    """Names of all lengths, with strays among them, give the ids in descending order, each once."""
    ids, plain = ids_of(names)
    assert list(ids.newest_first()) == plain[::-1]
    assert ids.all() == plain
    assert list(ids.newest_first()) == plain[::-1]


@given(st.sets(st.text("0123456789abcdef-", min_size=4, max_size=4).map("{}.json".format), min_size=1))
def test_the_greatest_of_equal_lengths_needs_no_other_name(names: set[str]) -> None:
    """Where all names are as long, as LangGraph's are, the first id is told before anything is read."""

    def read(_: tuple[str, ...]) -> list[str]:
        raise AssertionError("all names were looked at")

    listing = tuple(sorted(names))
    plain = sorted(layout.json_stems(listing)[0])
    if plain and listing[-1] == f"{plain[-1]}.json":  # else a stray, such as one that begins with a dash, sorts last
        assert next(CheckpointIds(listing, read).newest_first()) == plain[-1]
    else:
        assert layout.greatest_stem(listing) is None


@pytest.mark.parametrize(
    "names",
    [
        (),
        ("1-2.json", "1.json"),  # sorted as names; the ids sort the other way
        ("aaaa.json", "bb~cc.json"),
        ("slug~" + "a" * 32 + ".json",),
        ("slug~" + "a" * 32 + ".json", "z" * 37 + ".json"),  # as long, and its id may be greater than any
        ("aaaa.json", "aaaa.jsop"),
        ("A.json",),
    ],
)
def test_names_that_do_not_tell(names: tuple[str, ...]) -> None:
    """Names of several lengths, hashed ones and a stray at the end are left to the look at all."""
    assert layout.greatest_stem(tuple(sorted(names))) is None
