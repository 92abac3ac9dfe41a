"""Arrays and scalars of numpy.

A small array of plain numbers, booleans or text is written as nested lists (`values`), for a reader; any other as the
bytes of its items in base64 (`data`), which is exact for every dtype. Arrays of objects keep each object (`items`).
What has more to it than dtype, shape and items (a mask, field titles, padding that a dtype cannot spell) is refused.

A dtype is spelled by kind and size (`<i8`), which numpy reads as its usual type of that size. Where there is a second type
(`longlong` beside `int64`), dtypes compare equal and are none the less told apart, by letter (`<q`).
"""

from __future__ import annotations

import base64
import math
import sys
from collections.abc import Iterator
from typing import Any

from langgraph_filesaver._serde.decode import Decoder, InvalidTagError, Known, known
from langgraph_filesaver._serde.encode import MAX_SAFE_INTEGER, Encoder, RefusedError, Writer
from langgraph_filesaver._serde.text import is_unicode

__all__ = ["ARRAY_READERS", "array_writer"]

_PLAIN_KINDS = "biufcSUMm"  # what a `.npy` file keeps exactly
_SECOND_TYPES = "qQ"  # letters that mean the same size on every platform
_LONG_DOUBLES = "gG"
_MANTISSA_OF_X86 = 63
_READABLE_ITEMS = 256  # above, a list of numbers is nothing that a person reads


def array_writer(kind: type) -> Writer | None:
    """Return the writer for a type of numpy, or None."""
    numpy: Any = sys.modules.get("numpy")
    if numpy is None:
        return None
    if kind in (numpy.ndarray, numpy.memmap):
        return _write_array
    if issubclass(kind, numpy.ndarray):
        return _refuse_subclass
    if issubclass(kind, numpy.generic):
        return _write_scalar
    return _write_dtype if issubclass(kind, numpy.dtype) else None


def _write_array(array: Any, encoder: Encoder) -> dict[str, Any]:
    encoder.weigh(array.nbytes)
    dtype = _spell(array.dtype)
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    if array.dtype.char in _LONG_DOUBLES:
        array = _without_padding(array, "F" if fortran else "C")
    if encoder.moves and encoder.outside is not None and array.dtype.kind in _PLAIN_KINDS and dtype == array.dtype.str:
        moved = encoder.outside.array(array)
        if moved is not None:
            return moved
    content: dict[str, Any] = {"dtype": dtype, "shape": list(array.shape)}
    if fortran:
        content["order"] = "F"
    if array.dtype.hasobject or array.dtype.kind == "T":
        flat = array.ravel(order="F" if fortran else "C").tolist()
        return encoder.tag("ndarray", **content, items=[encoder.value(item, at) for at, item in enumerate(flat)])
    if array.size <= _READABLE_ITEMS and _is_readable(array):
        return encoder.tag("ndarray", **content, values=array.tolist())
    data = array.tobytes(order="F" if fortran else "C")
    if encoder.moves and encoder.outside is not None:
        moved = encoder.outside.data(data)
        if moved is not None:
            return encoder.tag("ndarray", **content, data=moved)
    return encoder.tag("ndarray", **content, data=base64.b64encode(data).decode())


def _read_array(raw: dict[str, Any], decoder: Decoder) -> Any:
    import numpy  # noqa: ICN001 - optional, and slow to import

    dtype = _dtype(raw["dtype"])
    shape = tuple(raw["shape"])
    if not all(type(side) is int and side >= 0 for side in shape):
        raise InvalidTagError("must be a list of whole numbers", "shape")
    order: Any = "F" if raw.get("order") == "F" else "C"
    if "items" in raw:
        items = decoder.items(raw["items"])
        flat = numpy.empty(len(items), dtype=dtype)
        flat[:] = items if dtype.kind == "T" else _boxed(items)
        return flat.reshape(shape, order=order)
    if dtype.hasobject:
        raise InvalidTagError('an array of objects has its items under "items"')
    if "values" in raw:
        array = numpy.array(raw["values"], dtype=dtype, order=order)
        return array if array.shape == shape else array.reshape(shape, order=order)
    data = raw["data"]
    content = base64.b64decode(data, validate=True) if type(data) is str else decoder.value(data, "data")
    if not dtype.itemsize and not content:
        return numpy.ndarray(shape, dtype=dtype, order=order)  # frombuffer cannot count items of no bytes
    # frombuffer looks at bytes that cannot be changed; an array in a state is changed in place
    return numpy.frombuffer(bytearray(content), dtype=dtype).reshape(shape, order=order)


def _without_padding(array: Any, order: Any) -> Any:
    """Return an array of long doubles with zeros where those of x86 leave what was in memory before."""
    import numpy  # noqa: ICN001 - optional, and slow to import

    if numpy.finfo(array.dtype).nmant != _MANTISSA_OF_X86:
        return array
    clean = bytearray(array.tobytes(order=order))
    items = numpy.frombuffer(clean, "u1").reshape(-1, numpy.dtype(numpy.longdouble).itemsize)
    padding = items[:, 10:] if array.dtype.isnative else items[:, :-10]
    padding[...] = 0
    return numpy.frombuffer(clean, array.dtype).reshape(array.shape, order=order)


def _boxed(items: list[Any]) -> Any:
    import numpy  # noqa: ICN001 - optional, and slow to import

    boxed = numpy.empty(len(items), dtype=object)
    for at, item in enumerate(items):
        boxed[at] = item
    return boxed


def _is_readable(array: Any) -> bool:
    kind = array.dtype.kind
    if kind == "b":
        return True
    if kind in "iu":
        return not array.size or (max(abs(int(array.min())), int(array.max())) <= MAX_SAFE_INTEGER)
    if kind == "f" and array.dtype.itemsize == 8:  # a shorter float looks long and strange as a double
        return all(math.isfinite(item) and (item or math.copysign(1.0, item) > 0) for item in array.ravel().tolist())
    return kind == "U" and is_unicode("".join(array.ravel().tolist()))


def _write_scalar(value: Any, encoder: Encoder) -> dict[str, Any]:
    import numpy  # noqa: ICN001 - optional, and slow to import

    dtype = _spell(value.dtype)
    if value.dtype.hasobject:
        raise RefusedError("is a scalar of a structured dtype that holds objects, which has no exact text")
    if value.dtype.type is not type(value):
        raise RefusedError(
            f"is a subclass of {value.dtype.type.__name__}, a scalar of numpy, which cannot stand for it"
        )
    if value.dtype.kind == "U":  # by str's own method: numpy's leaves out NULs at the end
        return encoder.tag("numpy", dtype=dtype, value=encoder.value(str.__str__(value)))
    plain = value.item()
    if type(plain) in (int, float, bool) and value.dtype.itemsize <= 8:
        encoded = encoder.value(plain)
        same = value.dtype.type(plain)
        if same.tobytes() == value.tobytes() and value.dtype.isnative:
            return encoder.tag("numpy", dtype=dtype, value=encoded)
    items = numpy.asarray(value)
    if value.dtype.char in _LONG_DOUBLES:
        items = _without_padding(items, "C")
    data = memoryview(value) if value.dtype.kind == "S" else items.tobytes()
    return encoder.tag("numpy", dtype=dtype, data=base64.b64encode(data).decode())


def _read_scalar(raw: dict[str, Any], decoder: Decoder) -> Any:
    import numpy  # noqa: ICN001 - optional, and slow to import

    dtype = _dtype(raw["dtype"])
    if "value" in raw:
        if dtype.kind == "U":
            return numpy.str_(str.__str__(decoder.text(raw["value"])))
        return numpy.array([decoder.value(raw["value"], "value")], dtype=dtype)[0]
    data = base64.b64decode(raw["data"], validate=True)
    if dtype.kind == "S":
        return numpy.bytes_(data[: dtype.itemsize])  # an array would leave out NULs at the end
    # frombuffer cannot count items of no bytes
    return numpy.frombuffer(data, dtype=dtype)[0] if dtype.itemsize else numpy.zeros(1, dtype=dtype)[0]


def _write_dtype(dtype: Any, encoder: Encoder) -> dict[str, Any]:
    return encoder.tag("dtype", value=_spell(dtype))


def _read_dtype(raw: dict[str, Any], _: Decoder) -> Any:
    return _dtype(raw["value"])


def _spell(dtype: Any) -> Any:
    """Return the text (or, for a structured dtype, the list) that `_dtype` understands as this very dtype."""
    for spelled in _spellings(dtype):
        if _same(dtype, _dtype(spelled)):
            return spelled
    raise RefusedError(f"has the dtype {dtype!r}, which a file cannot spell exactly. Use a packed dtype without titles")


def _spellings(dtype: Any) -> Iterator[Any]:
    if dtype.kind == "T":
        yield "T"
    elif dtype.names is not None:
        yield [[name, *_spell_field(dtype[name])] for name in dtype.names]
    elif dtype.subdtype is None:
        yield dtype.str
        if dtype.char in _SECOND_TYPES:
            yield dtype.str[0] + dtype.char


def _spell_field(dtype: Any) -> list[Any]:
    return [_spell(dtype)] if dtype.subdtype is None else [_spell(dtype.base), list(dtype.shape)]


def _same(one: Any, other: Any) -> bool:
    """Whether two dtypes are the same one: equal, with scalars of the same class, and so are their fields."""
    if one.metadata or one != other or one.type is not other.type:
        return False
    if one.subdtype is not None:
        return _same(one.base, other.base)
    return all(_same(one[name], other[name]) for name in one.names or ())


def _dtype(spelled: Any) -> Any:
    import numpy  # noqa: ICN001 - optional, and slow to import

    if type(spelled) is str:
        # "," would start numpy's little language of dtypes; a plain dtype has none
        if "," in spelled:
            raise InvalidTagError(f"{spelled!r} is no dtype", "dtype")
        return numpy.dtypes.StringDType() if spelled == "T" else numpy.dtype(spelled)
    return numpy.dtype([_field(part) for part in spelled])


def _field(part: Any) -> tuple[Any, ...]:
    name, kind, *shape = part
    return (name, kind if type(kind) is str else [_field(inner) for inner in kind], *(tuple(sides) for sides in shape))


def _refuse_subclass(_value: Any, _encoder: Encoder) -> Any:
    raise RefusedError(
        "is a subclass of numpy.ndarray, which a plain array cannot stand for. Store numpy.asarray(value)"
    )


ARRAY_READERS: dict[str, Known] = {
    "ndarray": known(_read_array, "dtype", "shape", "order", "values", "data", "items"),
    "numpy": known(_read_scalar, "dtype", "value", "data"),
    "dtype": known(_read_dtype, "value"),
}
