"""Arrays of numpy, frames of pandas and polars: exactly, or not at all."""

from __future__ import annotations

import datetime as dt
import json
import sys
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver.errors import SerializationError

SERDE = JsonSerializer()

STRUCT = np.dtype([("a", "<i4"), ("b", "<f8", (2,))])
ARRAYS = {
    "integers": np.arange(6).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "special floats": np.array([np.nan, np.inf, -0.0, 1.5]),
    "big endian": np.array([1, 2], dtype=">i4"),
    "text": np.array(["a", "bcé"]),
    "bytes": np.array([b"ab", b"c"]),
    "booleans": np.array([[True], [False]]),
    "no dimension": np.array(3.5),
    "empty": np.zeros((0, 3)),
    "empty fortran": np.zeros((2, 0, 3), order="F"),
    "structured": np.array([(1, (2.0, 3.0))], dtype=STRUCT),
    "objects": np.array([(1,), {2: 3}, None, "x"], dtype=object),
    "objects fortran": np.asfortranarray(np.array([[1, "a"], [None, (2,)]], dtype=object)),
    "dates": np.array(["2020-01-01", "NaT"], dtype="M8[ns]"),
    "spans": np.array([1, 2], dtype="m8[s]"),
    "strided": np.arange(1000.0).reshape(10, 100)[:, ::3],
    "transposed": np.arange(24).reshape(2, 3, 4).transpose(1, 0, 2),
    "complex": np.array([1 + 2j]),
    "float32": np.array([0.1, 0.2], dtype=np.float32),
    "float16": np.array([0.1], dtype=np.float16),
    "large unsigned": np.array([2**64 - 1], dtype=np.uint64),
    "many": np.arange(10_000, dtype=np.int16),
    "a second type of eight bytes": np.array([1, 2], dtype=np.longlong),
    "fields of a second type": np.zeros(2, dtype=[("a", np.ulonglong)]),
    "items of no bytes": np.zeros(2, dtype="V0"),
    "fields of no bytes": np.zeros((2, 3), dtype=[("a", "S0")], order="F"),
    "no fields": np.zeros(2, dtype=[]),
}
if hasattr(np.dtypes, "StringDType"):
    ARRAYS["variable text"] = np.array(["x", "yyé"], dtype=np.dtypes.StringDType())


def fields(array: Any) -> list[Any]:
    return [array.dtype[name] for name in array.dtype.names]


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_return_exactly(name: str) -> None:
    """[V9] dtype, shape, memory order and every item come back; the array can be changed; the bytes are stable."""
    array = ARRAYS[name]
    text = SERDE.dump({"a": array})
    back = SERDE.load(text)["a"]
    assert type(back) is np.ndarray
    assert (repr(back.dtype), back.dtype, back.shape) == (repr(array.dtype), array.dtype, array.shape)
    assert back.dtype.char == array.dtype.char
    assert array.dtype.names is None or [field.char for field in fields(back)] == [
        field.char for field in fields(array)
    ]
    assert back.flags.f_contiguous == array.flags.f_contiguous or not array.flags.c_contiguous
    assert back.flags.writeable
    if array.dtype.hasobject or array.dtype.kind == "T":
        assert back.tolist() == array.tolist()
    else:
        assert back.tobytes() == array.tobytes()
    assert SERDE.dump({"a": back}) == text
    assert SERDE.dump({"a": SERDE.load(json.dumps(json.loads(text)).encode())["a"]}) == text


@pytest.mark.skipif(np.finfo(np.longdouble).nmant != 63, reason="only the long doubles of x86 have padding")
def test_long_doubles_bring_no_memory_along() -> None:
    """[V1] The same long doubles give the same bytes, whatever lies in the padding between them."""
    texts = set()
    for filling in (0, 255):
        array = np.array([np.longdouble(1) / 3, 2, -0.0], dtype=np.longdouble)
        array.view("u1").reshape(3, -1)[:, 10:] = filling
        texts.add(SERDE.dump([array, array.reshape(1, -1), array[0], array[:2].view(np.clongdouble)]))
        for given in (array, array.astype(array.dtype.newbyteorder()), array[:0], array[1:2].reshape(())):
            assert (SERDE.load(SERDE.dump(given)) == given).all()
    assert len(texts) == 1


SCALARS = [
    np.float64(1.5),
    np.float64("nan"),
    np.float64(-0.0),
    np.float32(0.1),
    np.float16(0.1),
    np.int64(3),
    np.uint64(2**64 - 1),
    np.bool_(True),
    np.str_("xé"),
    np.str_("a\0"),
    np.str_(""),
    np.bytes_(b"q"),
    np.bytes_(b"q\0"),
    np.longlong(3),
    np.ulonglong(3),
    np.void(b""),
    np.datetime64("2020-01-01", "D"),
    np.datetime64("NaT", "s"),
    np.timedelta64(3, "s"),
    np.complex64(1 + 2j),
    np.void(b"ab"),
]


@pytest.mark.parametrize("scalar", SCALARS, ids=repr)
def test_scalars_return_exactly(scalar: Any) -> None:
    """[V9] A scalar of numpy comes back of its type, bit by bit."""
    text = SERDE.dump([scalar])
    (back,) = SERDE.load(text)
    assert type(back) is type(scalar)
    assert (back.dtype, back.tobytes()) == (scalar.dtype, scalar.tobytes())
    assert scalar.dtype.kind not in "SU" or (len(back), back == scalar) == (len(scalar), True)
    assert SERDE.dump([back]) == text


@pytest.mark.parametrize(
    "value",
    [
        np.ma.masked_array([1, 2], mask=[True, False]),
        np.array([(1, 2)], dtype=np.dtype({"names": ["a", "b"], "formats": ["i4", "i4"], "offsets": [0, 8]})),
        np.array([(1, None)], dtype=[("a", "i4"), ("o", "O")]),
        np.array([(1,)], dtype=np.dtype((np.record, [("a", "i4")]))),
        np.rec.array([(1,)], dtype=[("a", "i4")])[0],
        type("Ratio", (np.float64,), {})(1.5),
    ],
    ids=["masked", "padded", "structured objects", "records", "record", "subclass of a scalar"],
)
def test_arrays_with_more_to_them_are_exact_or_refused(value: Any) -> None:
    """[V9] A mask or a dtype that a file cannot spell is refused, or comes back equal."""
    try:
        back = SERDE.load(SERDE.dump(value))
    except SerializationError:
        return
    assert type(back) is type(value)
    assert (repr(back.dtype), back.dtype) == (repr(value.dtype), value.dtype)
    assert back.tolist() == value.tolist()


FRAME = pd.DataFrame(
    {
        "n": [1, 2],
        "text": ["x", None],
        "at": pd.to_datetime(["2020-01-01", None]).tz_localize("UTC"),
        "kind": pd.Categorical(["u", "v"], categories=["v", "u"], ordered=True),
        "f": [1.5, np.nan],
        "object": [(1,), {}],
        "maybe": pd.array([1, None], dtype="Int64"),
        "flag": pd.array([True, None], dtype="boolean"),
        "string": pd.array(["q", None], dtype="string"),
        "span": pd.to_timedelta(["1s", None]),
        "short": np.array([0.1, 0.2], dtype=np.float32),
    },
    index=pd.Index(["r", "s"], name="k"),
)
PANDAS: dict[str, Any] = {
    "frame": FRAME,
    "empty": pd.DataFrame(),
    "no rows": FRAME.iloc[:0],
    "odd names": pd.DataFrame({1: [1], (2, 3): [2]}),
    "equal names": pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]),
    "levels": pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["p", "q"])),
    "zone": pd.DataFrame({"x": range(3)}, index=pd.date_range("2020-01-01", periods=3, tz="Europe/Berlin")),
    "series": FRAME["f"],
    "named by a tuple": pd.Series([1, 2], name=("a", 1)),
    "mixed objects": pd.Series([None, 1, True, "x", 1.5], dtype=object),
    "index": pd.Index([1, 2], name="i"),
    "range": pd.RangeIndex(1, 9, 2, name="i"),
}


@pytest.mark.parametrize("name", PANDAS)
def test_frames_of_pandas_return_exactly(name: str) -> None:
    """[V10] A frame comes back with its dtypes, index, names and missing values, as the same bytes."""
    value = PANDAS[name]
    text = SERDE.dump({"v": value})
    back = SERDE.load(text)["v"]
    assert type(back) is type(value)
    assert back.equals(value)
    if isinstance(value, pd.DataFrame):
        pd.testing.assert_frame_equal(back, value, check_exact=True, check_freq=True)
    assert SERDE.dump({"v": back}) == text


def test_scalars_of_pandas_return_exactly() -> None:
    """[V10] Timestamps keep nanoseconds, unit and zone; missing values stay what they are."""
    for value in (
        pd.Timestamp("2020-01-01T00:00:00.123456789", tz="Europe/Berlin"),
        pd.Timestamp("2020-01-01"),
        pd.Timedelta("1 days 3ns"),
    ):
        back = SERDE.load(SERDE.dump([value]))[0]
        assert type(back) is type(value)
        assert (back, back.unit) == (value, value.unit)
    missing = SERDE.load(SERDE.dump([pd.NaT, pd.NA]))
    assert missing[0] is pd.NaT
    assert missing[1] is pd.NA


@pytest.mark.parametrize(
    "value",
    [
        pd.DataFrame({"p": pd.period_range("2020-01", periods=2, freq="M")}),
        pd.Series(pd.arrays.SparseArray([0, 0, 1])),
        pd.Series(pd.interval_range(0, 2)),
        pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False),
        pd.Series([print]),
        pl.DataFrame({"o": [object()]}),
        pl.Series([[1]], dtype=pl.List(pl.Duration("ns"))),
        pl.Series([2**62], dtype=pl.Duration("ms")),
    ],
    ids=["periods", "sparse", "intervals", "flags", "functions", "polars objects", "nanoseconds in lists", "ages"],
)
def test_frames_that_would_lose_something_are_refused(value: Any) -> None:
    """[V10] A frame that would not come back equal raises SerializationError."""
    with pytest.raises(SerializationError) as found:
        SERDE.dump({"state": {"frame": value}})
    assert found.value.where.startswith('state["frame"]')


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (pd.DataFrame({"good": [1], "bad": [print]}), 'frame["bad"][0]'),
        (pd.DataFrame({"good": [1], ("a", 1): pd.period_range("2020-01", periods=1, freq="M")}), "frame[('a', 1)]"),
        (pd.DataFrame({"good": [1]}, index=pd.interval_range(0, 1)), "frame.index"),
        (pd.DataFrame([[1]], columns=pd.interval_range(0, 1)), "frame.columns"),
        (pd.Series([1, print], dtype=object), "frame[1]"),
        (pl.DataFrame({"good": [1], "bad": [object()]}), 'frame["bad"]'),
    ],
    ids=["value", "dtype", "index", "columns", "series", "polars"],
)
def test_the_column_that_cannot_be_stored_is_named(value: Any, where: str) -> None:
    """[V8] The path of a refused frame leads to its column, or to the index."""
    with pytest.raises(SerializationError) as found:
        SERDE.dump({"frame": value})
    assert found.value.where == where


POLARS = {
    "frame": pl.DataFrame(
        {
            "a": [1, None],
            "b": ["x", "y"],
            "c": [1.5, float("nan")],
            "d": [dt.date(2020, 1, 1), None],
            "e": [dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)] * 2,
            "l": [[1], [2, 3]],
            "s": [{"q": 1}, {"q": 2}],
            "bin": [b"a", None],
            "dec": [Decimal("1.50"), None],
            "t": [dt.time(1), None],
            "td": [dt.timedelta(1), None],
            "en": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
            "u8": pl.Series([1, 2], dtype=pl.UInt8),
            "nul": [None, None],
            "f32": pl.Series([0.1, None], dtype=pl.Float32),
        }
    ),
    "empty": pl.DataFrame(),
    "nanoseconds": pl.DataFrame(
        {
            "at": pl.Series([1_001, None, -5], dtype=pl.Datetime("ns")),
            "zone": pl.Series([1_729_988_999 * 10**9 + 1, 1_729_992_599 * 10**9 + 1, None]).cast(
                pl.Datetime("ns", "Europe/Berlin")
            ),
            "span": pl.Series([1_001, None, -5], dtype=pl.Duration("ns")),
            "time": pl.Series([1_001, None, 86_399_999_999_999], dtype=pl.Time),
            "whole": pl.Series([1_000, None, -5_000], dtype=pl.Duration("ns")),
        }
    ),
    "series of nanoseconds": pl.Series("t", [1], dtype=pl.Duration("ns")),
    "series": pl.Series("x", [1.5, None]),
    "unnamed": pl.Series([1]),
}


@pytest.mark.parametrize("name", POLARS)
def test_frames_of_polars_return_exactly(name: str) -> None:
    """[V10] A frame of polars comes back with its schema and values, as the same bytes."""
    value: Any = POLARS[name]
    text = SERDE.dump([value])
    (back,) = SERDE.load(text)
    assert type(back) is type(value)
    assert back.equals(value, null_equal=True)
    assert SERDE.dump([back]) == text


def test_without_the_libraries_arrays_and_frames_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """[V23] Where numpy, pandas or polars are not installed, their values are plain data, written back unchanged."""
    text = SERDE.dump([ARRAYS["fortran"], FRAME, POLARS["frame"], np.float64(1.5)], indent=True)
    for name in ("numpy", "pandas", "polars"):
        monkeypatch.setitem(sys.modules, name, None)
    assert SERDE.dump(SERDE.load(text), indent=True) == text
