"""Large arrays become `.npy` files, which any numpy loads, and come back as plain arrays that may be changed."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from langgraph_filesaver import CorruptDataError, FileSaver
from tests.artifacts.folder import artifacts_of, assert_nothing_missing, checkpoint_text
from tests.checkpoints import config_of, put
from tests.stores import Home

ITEMS = 40_000
NUMBERS = np.arange(ITEMS)


def structured() -> Any:
    array = np.zeros(ITEMS, dtype=[("a", "<i4"), ("b", ">f8")])
    array["a"], array["b"] = NUMBERS, NUMBERS / 3
    return array


ARRAYS: dict[str, Any] = {
    **{kind: NUMBERS.astype(kind) for kind in ("i2", "i4", "i8", "u2", "u4", "u8", "f4", "f8", "c8", "c16", "f2")},
    **{kind: NUMBERS.astype(kind) for kind in (">i2", ">i4", ">u8", ">f4", ">f8", ">c16")},
    "i1": np.resize(NUMBERS, 9 * ITEMS).astype("i1"),
    "u1": np.resize(NUMBERS, 9 * ITEMS).astype("u1"),
    "bool": np.resize(NUMBERS, 9 * ITEMS) % 3 == 0,
    "long double": NUMBERS.astype("g"),
    "text": NUMBERS.astype("U7"),
    "big-endian text": NUMBERS.astype(">U7"),
    "bytes": NUMBERS.astype("S7"),
    "instants": NUMBERS.astype("M8[ms]"),
    "durations": NUMBERS.astype("m8[us]"),
    "special": np.array([float("nan"), float("inf"), -0.0] * ITEMS),
    "two axes": (NUMBERS / 7).reshape(100, 400),
    "order F": np.asfortranarray((NUMBERS / 7).reshape(100, 400)),
    "order F, three axes": np.asfortranarray((NUMBERS / 7).reshape(10, 20, 200)),
    "every other": np.arange(3 * ITEMS)[::3],
    "backwards": (NUMBERS / 7)[::-1],
    "a window": (NUMBERS / 7).reshape(100, 400)[:, 5:150],
    "swapped axes": (NUMBERS / 7).reshape(10, 20, 200).swapaxes(0, 1),
    "broadcast": np.broadcast_to(np.arange(200), (100, 200)),
    "read only": np.frombuffer(NUMBERS.tobytes(), dtype="i8"),
    "one column": (NUMBERS / 7).reshape(-1, 1),
    "structured": structured(),
    "a second type": NUMBERS.astype(np.longlong),
    "of objects": np.array(["text", 1, None] * 2_000, dtype=object),
}
SMALL_ARRAYS: dict[str, Any] = {
    "no axis": np.array(3.5),
    "no axis, bool": np.array(True),
    "no axis, instant": np.array("2026-11-23T01:16:50", dtype="M8[s]"),
    "no items": np.zeros((0, 3)),
    "no items, three axes": np.zeros((2, 0, 5), dtype=">i2", order="F"),
    "no bytes": np.zeros(5, dtype="U0"),
    "one item": np.array([7], dtype=">u4"),
    "a few": np.arange(6, dtype="f4").reshape(2, 3),
    "a few in order F": np.asfortranarray(np.arange(6, dtype="f8").reshape(2, 3)),
}


def assert_same(given_back: Any, array: Any) -> None:
    """Check all that an array is, and that it may be changed."""
    assert type(given_back) is np.ndarray
    assert (given_back.dtype, given_back.dtype.char) == (array.dtype, array.dtype.char)
    assert given_back.dtype.byteorder == array.dtype.byteorder
    assert given_back.shape == array.shape
    # between long doubles lies what was in memory before, which is not stored
    assert given_back.tobytes() == array.tobytes() or array.dtype.hasobject or array.dtype.char == "g"
    if array.flags.f_contiguous != array.flags.c_contiguous:
        assert given_back.flags.f_contiguous == array.flags.f_contiguous
    np.testing.assert_array_equal(given_back, array)
    assert given_back.flags.writeable


def value_of(saver: FileSaver, checkpoint_id: str | None = None) -> Any:
    found = saver.get_tuple(config_of("t", "", checkpoint_id))
    assert found is not None
    return found.checkpoint["channel_values"]["value"]


@pytest.mark.parametrize("compression", [None, "gzip"])
@pytest.mark.parametrize("name", ARRAYS)
def test_a_large_array(home: Home, name: str, compression: Any) -> None:
    """Dtype, byte order, shape, memory order and every bit come back; the file is one that `numpy.load` reads."""
    array = ARRAYS[name]
    saver = home.saver(compression=compression)
    put(saver, "c1", {"value": array})
    put(home.saver(compression=compression), "c2", {"value": array, "n": [array]}, step=1)
    for reader in (saver, home.saver()):
        assert_same(value_of(reader), array)
    assert len(checkpoint_text(home, "c1")) < 3_000 or name == "of objects"
    if name not in ("structured", "a second type", "of objects"):
        ((file, data),) = artifacts_of(home).items()
        assert file == f"{hashlib.sha256(data).hexdigest()}.npy"
        np.testing.assert_array_equal(np.load(io.BytesIO(data), allow_pickle=False), array)
    assert_nothing_missing(home)


@pytest.mark.parametrize("name", [*SMALL_ARRAYS, *ARRAYS])
@pytest.mark.parametrize("threshold", [0, 10, None])
def test_any_array_at_any_threshold(home: Home, name: str, threshold: int | None) -> None:
    """Small ones, those without axes and those without items, too: they come back the same wherever they are kept."""
    array = {**SMALL_ARRAYS, **ARRAYS}[name]
    put(home.saver(artifact_threshold_bytes=threshold), "c1", {"value": array})
    assert_same(value_of(home.saver()), array)
    assert_nothing_missing(home)


@dataclass
class Model:
    """A dataclass that holds arrays."""

    weights: Any
    layers: list[Any]


def test_arrays_deep_inside(home: Home) -> None:
    """An array leaves the file from inside of lists, dicts, tuples and objects, and from a task's writes; once."""
    array = ARRAYS["two axes"]
    value = {"a": [array, (array, {"b": array})], "m": Model(array, [array] * 40)}
    saver = home.saver()
    put(saver, "c1", {"value": value})
    saver.put_writes(config_of("t", "", "c1"), [("value", [array])], "task")
    found = home.saver().get_tuple(config_of())
    assert found is not None
    got = found.checkpoint["channel_values"]["value"]
    writes = found.pending_writes or []
    for each in (got["a"][0], got["a"][1][1]["b"], got["m"].weights, *got["m"].layers, writes[0][2][0]):
        assert_same(each, array)
    assert sum(name.endswith(".npy") for name in artifacts_of(home)) == 1


def test_a_change_stays_in_memory(home: Home) -> None:
    """An array is changed in place by a node: the file, and what other readers have, stays; the next put stores the change."""
    array = ARRAYS["f8"]
    saver = home.saver()
    put(saver, "c1", {"value": array})
    first, second = value_of(saver), value_of(saver)
    before = artifacts_of(home)
    first[:] = -1
    assert artifacts_of(home) == before
    np.testing.assert_array_equal(second, array)
    np.testing.assert_array_equal(value_of(saver), array)
    put(saver, "c2", {"value": first}, step=1)
    np.testing.assert_array_equal(value_of(home.saver()), first)
    np.testing.assert_array_equal(value_of(home.saver(), "c1"), array)


def test_a_read_array_outlives_its_file(local_home: Home) -> None:
    """An array in memory is whole also after its thread was deleted, and can be put into another thread."""
    saver = local_home.saver()
    put(saver, "c1", {"value": ARRAYS["f8"]})
    array = value_of(saver)
    saver.delete_thread("t")
    np.testing.assert_array_equal(array, ARRAYS["f8"])
    put(saver, "c1", {"value": array}, thread_id="u")
    put(saver, "c1", {"value": array})
    np.testing.assert_array_equal(value_of(local_home.saver()), ARRAYS["f8"])


def test_a_damaged_array_is_refused_each_time(local_home: Home) -> None:
    """A file that was verified once and changed since is verified again; the error names it."""
    saver = local_home.saver()
    put(saver, "c1", {"value": ARRAYS["f8"]})
    assert_same(value_of(saver), ARRAYS["f8"])
    (path,) = (local_home.root / "t" / "artifacts").iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + b"\x01")
    for reader in (saver, saver, local_home.saver()):
        with pytest.raises(CorruptDataError, match=path.name):
            value_of(reader)
    path.write_bytes(whole)
    assert_same(value_of(saver), ARRAYS["f8"])


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\x93NUMPY", id="cut short"),
        pytest.param(b"\x93NUMPY\x01\x00\x05\x00[1,2]", id="no header"),
        pytest.param(b"no array at all", id="text"),
    ],
)
def test_a_file_that_is_no_array(local_home: Home, data: bytes) -> None:
    """Bytes with the right name that are no `.npy` file are a typed error that names the file, not numpy's."""
    saver = local_home.saver()
    put(saver, "c1", {"value": ARRAYS["f8"]})
    (path,) = (local_home.root / "t" / "artifacts").iterdir()
    other = path.with_name(f"{hashlib.sha256(data).hexdigest()}.npy")
    other.write_bytes(data)
    checkpoint = local_home.root / "t" / "checkpoints" / "_root" / "c1.json"
    checkpoint.write_text(checkpoint.read_text().replace(path.name, other.name))
    with pytest.raises(CorruptDataError, match=other.name):
        value_of(saver)


def test_an_array_file_that_would_run_code(local_home: Home) -> None:
    """A `.npy` file of objects is a pickle: it is refused, whoever placed it there."""
    written = io.BytesIO()
    np.save(written, np.array([print], dtype=object), allow_pickle=True)
    put(local_home.saver(), "c1", {"value": ARRAYS["f8"]})
    (path,) = (local_home.root / "t" / "artifacts").iterdir()
    other = path.with_name(f"{hashlib.sha256(written.getvalue()).hexdigest()}.npy")
    other.write_bytes(written.getvalue())
    checkpoint = local_home.root / "t" / "checkpoints" / "_root" / "c1.json"
    checkpoint.write_text(checkpoint.read_text().replace(path.name, other.name))
    with pytest.raises(CorruptDataError, match="objects"):
        value_of(local_home.saver())
