"""Numpy's `.npy` files: written without a copy of the array, and read without a copy of the file."""

from __future__ import annotations

import io
import mmap
from typing import Any

__all__ = ["from_npy", "npy_parts"]


def npy_parts(array: Any) -> list[memoryview] | None:
    """Return the header and the items of an array as one `.npy` file has them; None where that would not keep it."""
    from numpy.lib import format as npy  # optional, and slow to import

    header = npy.header_data_from_array_1_0(array)
    written = io.BytesIO()
    npy.write_array_header_1_0(written, header)
    flat = array.T if header["fortran_order"] else array
    if not flat.flags.c_contiguous:
        flat = flat.copy(order="C")
    if array.size == 0:
        return None
    return [memoryview(written.getvalue()), memoryview(flat.reshape(-1).view("u1"))]


def from_npy(content: mmap.mmap | bytes) -> Any:
    """Return the array of a `.npy` file; one that is mapped copy-on-write is loaded as it is used.

    Raises:
        ValueError: It is no `.npy` file, or one of objects.
    """
    import numpy  # noqa: ICN001 - optional, and slow to import
    from numpy.lib import format as npy

    file = io.BytesIO(bytes(memoryview(content)[:65536]))
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, is_fortran, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("an array of objects is not read from a .npy file")
    buffer = content if isinstance(content, mmap.mmap) else bytearray(content)
    count = 1
    for side in shape:
        count *= side
    flat = numpy.frombuffer(buffer, dtype=dtype, offset=file.tell(), count=count)
    return flat.reshape(shape, order="F" if is_fortran else "C")
