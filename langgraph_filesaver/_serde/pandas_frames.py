"""Frames, series, indexes and scalars of pandas, column by column: the dtype decides how the values are spelled."""

from __future__ import annotations

from functools import partial
from typing import Any

from langgraph_filesaver._serde.decode import Decoder, InvalidTagError, Known, known
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer
from langgraph_filesaver._serde.paths import Attribute
from langgraph_filesaver._serde.proof import ADVICE, proved

__all__ = ["PANDAS_READERS", "pandas_writer"]

_NUMPY_KINDS = "biufcSUV"


def pandas_writer(kind: type, pandas: Any) -> Writer | None:
    """Return the writer for a type of pandas, or None."""
    writers: dict[type, Writer] = {
        pandas.DataFrame: proved(_write_frame, _read_frame, _equal_frames),
        pandas.Series: proved(_write_series, _read_series, _equal_series),
        pandas.Timestamp: proved(_write_timestamp, _read_timestamp, _equal_scalars),
        pandas.Timedelta: proved(_write_timedelta, _read_timedelta, _equal_scalars),
        type(pandas.NaT): lambda _value, encoder: encoder.tag("pandas.NaT"),
        type(pandas.NA): lambda _value, encoder: encoder.tag("pandas.NA"),
    }
    if issubclass(kind, pandas.Index):
        return proved(_write_index, _read_index, _equal_indexes)
    return writers.get(kind)


def _pandas() -> Any:
    import pandas  # noqa: ICN001 - optional, and slow to import

    return pandas


def _write_frame(frame: Any, encoder: Encoder) -> dict[str, Any]:
    content = {
        "columns": encoder.within(Attribute("columns"), partial(_write_index, frame.columns, encoder)),
        "index": encoder.within(Attribute("index"), partial(_write_index, frame.index, encoder)),
        "data": [
            encoder.within(name, partial(_write_array, frame.iloc[:, at].array, encoder))
            for at, name in enumerate(frame.columns)
        ],
    }
    return encoder.tag("pandas.DataFrame", **content, **_attrs(frame, encoder))


def _attrs(value: Any, encoder: Encoder) -> dict[str, Any]:
    return {"attrs": encoder.value(dict(value.attrs), "attrs")} if value.attrs else {}


def _read_frame(raw: dict[str, Any], decoder: Decoder) -> Any:
    index = decoder.value(raw["index"], "index")
    columns = decoder.value(raw["columns"], "columns")
    arrays = [_read_array(column, decoder) for column in raw["data"]]
    if len(arrays) != len(columns):
        raise InvalidTagError(f"{len(arrays)} columns of data, but {len(columns)} names", "columns")
    frame = _pandas().DataFrame(dict(enumerate(arrays)), index=index, columns=range(len(arrays)), copy=True)
    frame.columns = columns
    frame.attrs.update(decoder.value(raw.get("attrs", {}), "attrs"))
    return frame


def _write_series(series: Any, encoder: Encoder) -> dict[str, Any]:
    content = {
        "name": encoder.value(series.name, "name"),
        "index": encoder.within(Attribute("index"), partial(_write_index, series.index, encoder)),
        "data": _write_array(series.array, encoder),
    }
    return encoder.tag("pandas.Series", **content, **_attrs(series, encoder))


def _read_series(raw: dict[str, Any], decoder: Decoder) -> Any:
    index, name = decoder.value(raw["index"], "index"), decoder.value(raw["name"], "name")
    series = _pandas().Series(_read_array(raw["data"], decoder), index=index, name=name, copy=True)
    series.attrs.update(decoder.value(raw.get("attrs", {}), "attrs"))
    return series


def _write_index(index: Any, encoder: Encoder) -> dict[str, Any]:
    pandas = _pandas()
    if type(index) is pandas.RangeIndex:
        content: dict[str, Any] = {"range": [index.start, index.stop, index.step]}
    elif type(index) is pandas.MultiIndex:
        levels = [_write_index(index.levels[at], encoder) for at in range(index.nlevels)]
        return encoder.tag("pandas.Index", levels=levels, codes=[list(map(int, codes)) for codes in index.codes])
    else:
        content = _write_array(index.array, encoder)
        frequency = getattr(index, "freqstr", None)
        if frequency is not None:
            content["freq"] = frequency
    if index.name is not None:
        content["name"] = encoder.value(index.name, "name")
    return encoder.tag("pandas.Index", **content)


def _read_index(raw: dict[str, Any], decoder: Decoder) -> Any:
    pandas = _pandas()
    if "levels" in raw:
        levels = [decoder.value(level, "levels") for level in raw["levels"]]
        names = [level.name for level in levels]
        return pandas.MultiIndex(levels=levels, codes=raw["codes"], names=names)
    name = decoder.value(raw.get("name"), "name")
    if "range" in raw:
        return pandas.RangeIndex(*raw["range"], name=name)
    index = pandas.Index(_read_array(raw, decoder), name=name, copy=True)
    if "freq" in raw:
        index.freq = raw["freq"]
    return index


def _write_array(array: Any, encoder: Encoder) -> dict[str, Any]:
    """Return dtype and values of one column; a missing value is null, as far as the dtype has only one."""
    pandas = _pandas()
    dtype = array.dtype
    if isinstance(dtype, pandas.CategoricalDtype):
        categories = _write_index(dtype.categories, encoder)
        codes = list(map(int, array.codes))
        return {"dtype": "category", "categories": categories, "ordered": bool(dtype.ordered), "values": codes}
    if isinstance(dtype, pandas.StringDtype):
        kind = "pyarrow" if dtype.storage == "pyarrow" else "python"
        spelled = {"dtype": "str" if dtype.na_value is not pandas.NA else "string", "storage": kind}
        return {**spelled, "values": _texts(array.astype(object), encoder)}
    if isinstance(dtype, pandas.DatetimeTZDtype) or getattr(dtype, "kind", "") in "mM":
        return {"dtype": str(dtype), "values": [None if item is pandas.NaT else _moment(item) for item in array]}
    if hasattr(dtype, "numpy_dtype") and not isinstance(dtype, pandas.api.extensions.ExtensionDtype):
        dtype = dtype.numpy_dtype
    if hasattr(array, "_mask"):  # the nullable numbers and booleans of pandas
        return {"dtype": str(dtype), "values": _texts(array.astype(object), encoder)}
    plain = array.to_numpy()
    if plain.dtype == object and str(dtype) == "object":
        return {"dtype": "object", "values": [encoder.value(item, at) for at, item in enumerate(plain)]}
    if plain.dtype.kind in _NUMPY_KINDS and str(dtype) == str(plain.dtype):
        return {"dtype": "numpy", "values": encoder.encode_object(plain)}
    raise RefusedError(ADVICE.format(f"a column of dtype {dtype}"))


def _texts(items: Any, encoder: Encoder) -> list[Any]:
    pandas = _pandas()
    return [None if item is pandas.NA or item != item else encoder.value(item, at) for at, item in enumerate(items)]


def _moment(item: Any) -> Any:
    return item.isoformat()


def _read_array(raw: dict[str, Any], decoder: Decoder) -> Any:
    pandas = _pandas()
    dtype = raw["dtype"]
    values = decoder.value(raw["values"], "values")
    if dtype == "numpy":
        return values
    if dtype == "object":
        return _object_array(values)
    if dtype == "category":
        categories = decoder.value(raw["categories"], "categories")
        return pandas.Categorical.from_codes(values, categories=categories, ordered=raw["ordered"])
    if dtype in ("str", "string"):
        missing = pandas.NA if dtype == "string" else float("nan")
        kind = pandas.StringDtype(raw["storage"], na_value=missing)
        return pandas.array([missing if item is None else item for item in values], dtype=kind)
    if dtype.startswith("datetime64"):
        kind = pandas.api.types.pandas_dtype(dtype)
        unit = getattr(kind, "unit", None) or dtype[len("datetime64[") : -1]
        moments = [pandas.NaT if item is None else pandas.Timestamp(item).as_unit(unit) for item in values]
        zone = getattr(kind, "tz", None)
        if zone is not None:
            moments = [item if item is pandas.NaT else item.tz_convert(zone) for item in moments]
        return pandas.array(moments, dtype=kind)
    if dtype.startswith("timedelta64"):
        unit = dtype[len("timedelta64[") : -1]
        spans = [pandas.NaT if item is None else pandas.Timedelta(item).as_unit(unit) for item in values]
        return pandas.array(spans, dtype=dtype)
    return pandas.array([pandas.NA if item is None else item for item in values], dtype=dtype)


def _object_array(items: list[Any]) -> Any:
    import numpy  # noqa: ICN001 - optional, and slow to import

    array = numpy.empty(len(items), dtype=object)
    for at, item in enumerate(items):
        array[at] = item
    return array


def _write_timestamp(value: Any, encoder: Encoder) -> dict[str, Any]:
    content = {"value": value.isoformat(), "unit": value.unit}
    if value.tzinfo is not None:
        # pandas before 3 has zones of pytz, which it finds again by their names
        content["tz"] = getattr(value.tzinfo, "zone", None) or encoder.value(value.tzinfo, "tz")
    if value.fold:
        content["fold"] = 1
    return encoder.tag("pandas.Timestamp", **content)


def _read_timestamp(raw: dict[str, Any], decoder: Decoder) -> Any:
    value = _pandas().Timestamp(raw["value"])
    if "tz" in raw:
        value = value.tz_convert(decoder.value(raw["tz"], "tz"))
    return value.as_unit(raw["unit"])


def _write_timedelta(value: Any, encoder: Encoder) -> dict[str, Any]:
    return encoder.tag("pandas.Timedelta", value=value.isoformat(), unit=value.unit)


def _read_timedelta(raw: dict[str, Any], _: Decoder) -> Any:
    return _pandas().Timedelta(raw["value"]).as_unit(raw["unit"])


def _equal_frames(one: Any, other: Any) -> bool:
    if one.attrs != other.attrs or not one.flags.allows_duplicate_labels:
        return False
    _pandas().testing.assert_frame_equal(
        one, other, check_exact=True, check_index_type="exact", check_column_type="exact", check_freq=True
    )
    return all(_same_items(one.iloc[:, at], other.iloc[:, at]) for at in range(one.shape[1]))


def _equal_series(one: Any, other: Any) -> bool:
    if one.attrs != other.attrs or not one.flags.allows_duplicate_labels:
        return False
    _pandas().testing.assert_series_equal(one, other, check_exact=True, check_index_type="exact", check_freq=True)
    return _same_items(one, other)


def _equal_indexes(one: Any, other: Any) -> bool:
    _pandas().testing.assert_index_equal(one, other, exact=True, check_exact=True)
    return getattr(one, "freq", None) == getattr(other, "freq", None) and _same_items(one, other)


def _same_items(one: Any, other: Any) -> bool:
    """Whether objects have kept their types, too: pandas takes None for NaN and 1 for True."""
    return one.dtype != object or all(type(left) is type(right) for left, right in zip(one, other, strict=True))


def _equal_scalars(one: Any, other: Any) -> bool:
    return bool(one == other) and one.unit == other.unit and getattr(one, "tz", None) == getattr(other, "tz", None)


_INDEX_KEYS = ("dtype", "values", "storage", "categories", "ordered", "freq", "name", "range", "levels", "codes")

PANDAS_READERS: dict[str, Known] = {
    "pandas.DataFrame": known(_read_frame, "columns", "index", "data", "attrs"),
    "pandas.Series": known(_read_series, "name", "index", "data", "attrs"),
    "pandas.Index": known(_read_index, *_INDEX_KEYS),
    "pandas.Timestamp": known(_read_timestamp, "value", "unit", "tz"),
    "pandas.Timedelta": known(_read_timedelta, "value", "unit"),
    "pandas.NaT": known(lambda _raw, _decoder: _pandas().NaT),
    "pandas.NA": known(lambda _raw, _decoder: _pandas().NA),
}
