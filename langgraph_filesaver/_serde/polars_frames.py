"""Frames and series of polars, column by column: the dtype with its parameters, then the values."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from langgraph_filesaver._serde.decode import Decoder, InvalidTagError, Known, known
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer
from langgraph_filesaver._serde.proof import ADVICE, proved

__all__ = ["POLARS_READERS", "polars_writer"]

_NUMBERS = [f"{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64, 128)] + [
    "Float16",
    "Float32",
    "Float64",
]
_SIMPLE = frozenset(["Boolean", "String", "Binary", "Date", "Time", "Null", "Categorical", *_NUMBERS])


def polars_writer(kind: type, polars: Any) -> Writer | None:
    """Return the writer for a type of polars, or None."""
    if kind is polars.DataFrame:
        return proved(_calm(_write_polars_frame), _calm(_read_polars_frame), _equal_polars)
    if kind is polars.Series:
        return proved(_calm(_write_polars_series), _calm(_read_polars_series), _equal_polars)
    return None


def _calm(work: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Return `work` with a panic of polars as an error: a panic is no Exception, and nobody would expect it."""

    def work_calmly(value: Any, coder: Any) -> Any:
        try:
            return work(value, coder)
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            raise ValueError(f"polars panicked: {error}") from error

    return work_calmly


def _polars() -> Any:
    import polars  # noqa: ICN001 - optional, and slow to import

    return polars


def _write_polars_frame(frame: Any, encoder: Encoder) -> dict[str, Any]:
    columns = [
        encoder.within(name, partial(_polars_column, frame.to_series(at), encoder))
        for at, name in enumerate(frame.columns)
    ]
    return encoder.tag("polars.DataFrame", height=frame.height, columns=columns)


def _read_polars_frame(raw: dict[str, Any], decoder: Decoder) -> Any:
    return _polars().DataFrame([_polars_series(column, decoder) for column in raw["columns"]])


def _write_polars_series(series: Any, encoder: Encoder) -> dict[str, Any]:
    return encoder.tag("polars.Series", **_polars_column(series, encoder))


def _read_polars_series(raw: dict[str, Any], decoder: Decoder) -> Any:
    return _polars_series(raw, decoder)


def _polars_column(series: Any, encoder: Encoder) -> dict[str, Any]:
    content = {"name": encoder.value(series.name, "name"), "dtype": _spell(series.dtype)}
    # Python's own times end at microseconds: what is finer is told in the ticks that polars counts.
    key, items = ("ticks", series.to_physical()) if _is_finer(series) else ("values", series)
    return {**content, key: [encoder.value(item, at) for at, item in enumerate(items.to_list())]}


def _is_finer(series: Any) -> bool:
    polars = _polars()
    counts_nanoseconds = isinstance(series.dtype, polars.Time) or getattr(series.dtype, "time_unit", "") == "ns"
    return counts_nanoseconds and bool((series.to_physical() % 1000 != 0).any())


def _polars_series(raw: dict[str, Any], decoder: Decoder) -> Any:
    polars = _polars()
    name, dtype = decoder.value(raw["name"], "name"), _polars_dtype(raw["dtype"])
    if "ticks" in raw:
        ticks = decoder.value(raw["ticks"], "ticks")
        return polars.Series(name, ticks, dtype=polars.Int64, strict=True).cast(dtype)
    return polars.Series(name, decoder.value(raw["values"], "values"), dtype=dtype, strict=True)


def _spell(dtype: Any) -> Any:
    """Return the name of a polars dtype, or a list of its name and parameters."""
    polars = _polars()
    name = type(dtype).__name__
    if isinstance(dtype, polars.List):
        return [name, _spell(dtype.inner)]
    if isinstance(dtype, polars.Array):
        return [name, _spell(dtype.inner), dtype.size]
    if isinstance(dtype, polars.Struct):
        return [name, [[field.name, _spell(field.dtype)] for field in dtype.fields]]
    if isinstance(dtype, polars.Datetime):
        return [name, dtype.time_unit, dtype.time_zone]
    if isinstance(dtype, polars.Duration):
        return [name, dtype.time_unit]
    if isinstance(dtype, polars.Decimal):
        return [name, dtype.precision, dtype.scale]
    if isinstance(dtype, polars.Enum):
        return [name, dtype.categories.to_list()]
    if name not in _SIMPLE:
        raise RefusedError(ADVICE.format(f"a column of dtype {dtype}"))
    return name


def _polars_dtype(spelled: Any) -> Any:
    polars = _polars()
    parts: list[Any] = [spelled] if isinstance(spelled, str) else list(spelled)
    name, parameters = parts[0], parts[1:]
    if name in ("List", "Array"):
        return getattr(polars, name)(_polars_dtype(parameters[0]), *parameters[1:])
    if name == "Struct":
        return polars.Struct([polars.Field(field, _polars_dtype(inner)) for field, inner in parameters[0]])
    if name in ("Datetime", "Duration", "Decimal", "Enum"):
        return getattr(polars, name)(*parameters)
    if name not in _SIMPLE:
        raise InvalidTagError(f"{name!r} is no dtype of polars", "dtype")
    return getattr(polars, name)


def _equal_polars(one: Any, other: Any) -> bool:
    polars = _polars()
    if isinstance(one, polars.DataFrame):
        return bool(one.schema == other.schema and one.equals(other, null_equal=True))
    return bool(one.dtype == other.dtype and one.name == other.name and one.equals(other, null_equal=True))


POLARS_READERS: dict[str, Known] = {
    "polars.DataFrame": known(_calm(_read_polars_frame), "height", "columns"),
    "polars.Series": known(_calm(_read_polars_series), "name", "dtype", "values", "ticks"),
}
