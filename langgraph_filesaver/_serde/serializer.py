"""JsonSerializer: Python values as JSON that a person can read, and back.

It is LangGraph's JsonPlusSerializer with another way to write, under a type tag of its own; payloads of the other tags
load as ever. FileSaver uses `dump`, `parse` and `revive` on whole documents. See docs/format.md, "Values".
"""

from __future__ import annotations

import base64
import pickle
import threading
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeVar

import orjson
from langgraph.checkpoint.serde import _msgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from langgraph_filesaver._serde import text
from langgraph_filesaver._serde.decode import Decoder, Known, References, TracingDecoder, known
from langgraph_filesaver._serde.depth import MAX_DEPTH, check_readable
from langgraph_filesaver._serde.encode import MAX_SAFE_INTEGER, PASS_THROUGH, Encoder, Kind, TracingEncoder
from langgraph_filesaver._serde.kinds import KNOWN, kind_of, reader_of
from langgraph_filesaver._serde.naming import Policy, keys_of
from langgraph_filesaver._serde.outside import Outside
from langgraph_filesaver.errors import CorruptDataError, FileSaverError, SerializationError, StorageError

__all__ = ["JsonSerializer"]

_OPTION = PASS_THROUGH | orjson.OPT_STRICT_INTEGER

_WAYS = ((True, True), (False, True), (False, False))  # hasty, light; each slower than the one before, and surer

_DEPTH_IN_DOCUMENT = 8
"""More levels than a document has around a value."""

_SHORT = 64
"""Characters of a string that is certainly no large value."""

T = TypeVar("T")


class JsonSerializer(JsonPlusSerializer):
    """LangGraph's serializer protocol in readable JSON.

    Args:
        allowed_types: Types that may be revived in LangGraph's strict mode, too; a type or its (module, name).
        pickle_fallback: Store what nothing else can store as a pickle, and run such pickles on loading.
        allowed_json_modules: As in JsonPlusSerializer, for payloads of its legacy `json` tag.
        allowed_msgpack_modules: As in JsonPlusSerializer; it decides for JSON, too.
    """

    TAG = "filesaver-json"

    def __init__(
        self,
        *,
        allowed_types: Iterable[type | tuple[str, ...]] = (),
        pickle_fallback: bool = False,
        allowed_json_modules: Iterable[tuple[str, ...]] | Literal[True] | None = None,
        allowed_msgpack_modules: Iterable[tuple[str, ...] | type] | Literal[True] | None = _msgpack._SENTINEL,  # noqa: SLF001 - LangGraph's own default
    ) -> None:
        self._own = keys_of(allowed_types)
        super().__init__(
            pickle_fallback=pickle_fallback,
            allowed_json_modules=allowed_json_modules,
            allowed_msgpack_modules=allowed_msgpack_modules,
        )
        if self._own and self._allowed_msgpack_modules is not True:
            merged = {*(self._allowed_msgpack_modules or ()), *self._own}
            super().__init__(
                pickle_fallback=pickle_fallback,
                allowed_json_modules=allowed_json_modules,
                allowed_msgpack_modules=merged,
            )

    def __getstate__(self) -> dict[str, Any]:
        # LangGraph keeps a closure, which cannot be pickled, so the class could not be handed to another process.
        return {name: value for name, value in self.__dict__.items() if name != "_unpack_ext_hook"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        made = JsonPlusSerializer(allowed_msgpack_modules=self._allowed_msgpack_modules)
        self._unpack_ext_hook = made._unpack_ext_hook  # noqa: SLF001 - what the constructor would have made

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Return the tag and the JSON of `obj`.

        Raises:
            SerializationError: `obj` holds something that cannot be stored.
        """
        return self.TAG, self.dump(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Return the value of a payload: ours, or one of JsonPlusSerializer.

        Raises:
            CorruptDataError: The JSON is damaged, or a tagged object in it is.
        """
        if data[0] == self.TAG:
            return self.load(data[1])
        return super().loads_typed(data)

    def dump(
        self,
        value: Any,
        *,
        indent: bool = False,
        root: str = "",
        outside: Outside | None = None,
        keep_root: bool = False,
        is_small: bool = True,
    ) -> bytes:
        """Return the JSON of `value`.

        Args:
            value: Any value; a document with user values inside is one, too.
            indent: Lay it out for a reader, two blanks a level.
            root: What an error's path begins with.
            outside: Where large parts of the value go, and what never stands in a text.
            keep_root: The value itself stays in the text, however large; only parts of it leave.
            is_small: Probably nothing of the value is large enough to leave: try that first, which is faster.

        Raises:
            SerializationError: `value` holds something that cannot be stored; `where` tells the path.
        """
        if _is_short_scalar(value) and (outside is None or outside.limit is None or outside.limit >= _SHORT * 4):
            return orjson.dumps(value)
        option = _OPTION | orjson.OPT_INDENT_2 if indent else _OPTION
        moves = outside is not None and outside.limit is not None
        for hasty, light in _WAYS if is_small or not moves else _WAYS[1:]:
            encoder = Encoder(self._kind_of, light=light, hasty=hasty, outside=outside, moves=not hasty)
            try:
                written = encoder.write(value, option, keep_root=keep_root)
                if not (hasty and outside is not None and moves and len(written) > outside.inline):
                    return written
            except (MemoryError, SerializationError, StorageError):
                raise
            except Exception:  # noqa: BLE001, S112 - whatever it was, the next way is more careful, the last tells where
                continue
        try:
            return _on_fresh_stack(lambda: self._write_deep(value, option, outside))
        except (MemoryError, SerializationError, StorageError):
            raise
        except Exception as error:  # noqa: BLE001 - the tracing way tells what and where, if not this
            deep = error
        try:
            _on_fresh_stack(lambda: TracingEncoder(self._kind_of, root=root, outside=outside).value(value))
        except RecursionError as error:
            deep = error
        raise SerializationError(
            f"{root or 'the value'} is nested too deeply to be stored ({deep}): "
            f"JSON may have {MAX_DEPTH} levels. Store a flat list of parts instead",
            where=root,
        ) from deep

    def parse(self, data: bytes) -> Any:
        """Return the plain tree of a JSON text; nothing is revived.

        Raises:
            CorruptDataError: It is no strict JSON; line and column tell where.
        """
        return text.parse(data)

    def revive(self, raw: Any, *, where: str = "", references: References | None = None) -> Any:
        """Return the Python value that a parsed tree stands for. `raw` is not changed; parts of it may be shared.

        Args:
            raw: What `parse` returned, or a part of it.
            where: What an error's path begins with.
            references: Called with each object that has `$artifact` or `$list`, returns its value.

        Raises:
            CorruptDataError: A tagged object is not what its type needs.
        """
        if not text.may_hold_tags(raw):
            return raw
        policy = Policy(self._allowed_msgpack_modules, self._own)
        try:
            return _on_fresh_stack(lambda: Decoder(self._known, reader_of, policy, references).value(raw))
        except FileSaverError:
            raise
        except RecursionError as error:
            raise CorruptDataError("nested too deeply to be revived", where=where) from error
        except Exception:  # noqa: BLE001, S110 - whatever it was, the tracing way tells what and where
            pass
        try:
            return _on_fresh_stack(lambda: TracingDecoder(self._known, reader_of, policy, references).trace(raw, where))
        except RecursionError as error:
            raise CorruptDataError("nested too deeply to be revived", where=where) from error

    def knows(self, tag: str) -> bool:
        """Tell whether values with this `$type` are revived here; others stay plain data."""
        if tag in self._known:
            return True
        found = Policy(self._allowed_msgpack_modules, self._own).find(tag)
        return found is not None and reader_of(found) is not None

    def load(self, data: bytes) -> Any:
        """Return the Python value of a JSON text: `parse` and `revive`.

        Raises:
            CorruptDataError: See there.
        """
        tree = text.parse(data)
        return self.revive(tree) if text.has_tags(data) else tree

    @staticmethod
    def has_tags(data: bytes) -> bool:
        """Whether anything in the JSON text `data` may have to be revived; False is certain, and costs next to nothing."""
        return text.has_tags(data)

    def _write_deep(self, value: Any, option: int, outside: Outside | None) -> bytes:
        """Write what is nested deeper than orjson writes; and read it, lest it could be written but never read.

        It is read at the depth where a document may hold it. Nothing leaves it that need not: so deep, it is no matter of size.
        """
        tree = Encoder(self._kind_of, light=False, outside=outside, moves=False).value(value)
        around = _DEPTH_IN_DOCUMENT if outside is not None else 0
        check_readable(tree, around)
        written = text.write_deep(tree, indent=bool(option & orjson.OPT_INDENT_2))
        self.revive(self.parse(b"[" * around + written + b"]" * around), references=_nothing)
        return written

    def _kind_of(self, kind: type) -> Kind:
        return kind_of(kind, _write_pickle if self.pickle_fallback else None)

    @property
    def _known(self) -> dict[str, Known]:
        return {**KNOWN, "pickle": _PICKLE} if self.pickle_fallback else KNOWN


def _is_short_scalar(value: Any) -> bool:
    """Tell whether a value is one that every way of writing leaves to orjson as it is."""
    if type(value) is str:
        return len(value) <= _SHORT and value.isascii()
    if type(value) is int:
        return -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER
    return value is None or type(value) is bool


def _nothing(_raw: dict[str, Any], _decoder: Decoder) -> None:
    """Stand for a value that is kept elsewhere."""


def _write_pickle(value: Any, encoder: Encoder) -> dict[str, Any]:
    return encoder.tag("pickle", base64=base64.b64encode(pickle.dumps(value)).decode())


def _read_pickle(raw: dict[str, Any], _: Decoder) -> Any:
    return pickle.loads(base64.b64decode(raw["base64"], validate=True))  # noqa: S301 - only with pickle_fallback=True


_PICKLE = known(_read_pickle, "base64")


def _on_fresh_stack(work: Callable[[], T]) -> T:
    """Return what `work` returns. If the stack ends on the way, work again on one that holds nothing else."""
    try:
        return work()
    except RecursionError:
        pass
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.extend((True, work()))
        except BaseException as error:  # noqa: BLE001 - handed to the caller's thread
            outcome.extend((False, error))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if outcome[0]:
        return outcome[1]  # type: ignore[no-any-return]
    raise outcome[1]
