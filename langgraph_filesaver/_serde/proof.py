"""Writers that prove their work: what they wrote is read back at once, and what did not come back equal is refused.

For types with more to them than a file can be sure to hold (frames): rather an error than a frame stored nearly.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from langgraph_filesaver._serde.decode import Decoder, Reader
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer
from langgraph_filesaver.errors import SerializationError

__all__ = ["ADVICE", "proved"]

ADVICE = "cannot be stored exactly ({}). Store a part that can be, such as value.to_dict(), or the file it came from"


def proved(write: Writer, read: Reader, equal: Callable[[Any, Any], bool]) -> Writer:
    """Return a writer that reads back what `write` made, and refuses a value that did not come back equal."""

    def write_proved(value: Any, encoder: Encoder) -> Any:
        from langgraph_filesaver._serde.kinds import KNOWN, reader_of
        from langgraph_filesaver._serde.naming import Policy

        # Everything visited, so that what is read back is JSON; moved out, it could not be.
        light, pending, moves = encoder.light, encoder.pending, encoder.moves
        encoder.light, encoder.pending, encoder.moves = False, None, False
        try:
            written = write(value, encoder)
            back = read(written, Decoder(KNOWN, reader_of, Policy(True, frozenset())))  # noqa: FBT003 - LangGraph's value
            if not equal(value, back):
                raise RefusedError(ADVICE.format("it would not come back equal"))
        except (RefusedError, SerializationError):
            raise
        except Exception as error:
            raise RefusedError(ADVICE.format(f"{type(error).__name__}: {error}")) from error
        finally:
            encoder.light, encoder.pending, encoder.moves = light, pending, moves
        return written

    return write_proved
