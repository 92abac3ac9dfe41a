"""Where a long list is cut: decided by its items alone, so that an edit moves the cuts near it and no others."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from langgraph_filesaver._cutting import INLINE, LARGEST, SMALLEST, Cutter, chunks

small_texts = st.lists(st.binary(min_size=1, max_size=900), max_size=400)


@given(small_texts)
def test_the_cuts_of_a_list(texts: list[bytes]) -> None:
    """[A8] Chunks follow each other from the first item, hold 4 to 9 KiB if items are small, and leave a tail; always alike."""
    cuts = list(chunks(texts))
    assert cuts == list(chunks([bytes(bytearray(text)) for text in texts]))
    size = sum(len(text) + 2 for text in texts)
    if size <= INLINE:
        assert cuts == []
        return
    end = 0
    for cut in cuts:
        assert cut.start == end
        assert SMALLEST <= sum(len(text) + 2 for text in texts[cut]) < LARGEST + 902
        end = cut.stop
    assert end < len(texts)
    assert b"".join(b"".join(texts[cut]) for cut in cuts) + b"".join(texts[end:]) == b"".join(texts)
    assert sum(len(text) + 2 for text in texts[end:-1]) < LARGEST  # else it would have been cut again


@given(small_texts, st.integers(0, 400), st.binary(max_size=900))
def test_an_insertion_moves_the_cuts_near_it(texts: list[bytes], at: int, text: bytes) -> None:
    """The chunks before the place of an edit are what they were."""
    at = min(at, len(texts))
    longer = [*texts[:at], text, *texts[at:]]
    before = {cut.stop for cut in chunks(texts) if cut.stop <= at}
    after = {cut.stop for cut in chunks(longer) if cut.stop <= at}
    if sum(len(each) + 2 for each in texts) > INLINE:
        assert before - {len(texts)} <= after


def test_a_cutter_begins_anew_after_each_chunk() -> None:
    """What came before the last cut has no say: so two lists with the same end are cut alike from some item on."""
    texts = [random.Random(number).randbytes(100).hex().encode() for number in range(500)]
    whole, late = Cutter(), Cutter()
    ends = [at for at, text in enumerate(texts) if whole.ends_with(text)]
    late_ends = [at for at, text in enumerate(texts[3:], 3) if late.ends_with(text)]
    common = set(ends) & set(late_ends)
    assert common
    assert [at for at in ends if at >= min(common)] == [at for at in late_ends if at >= min(common)]
