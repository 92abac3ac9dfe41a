"""Classes and the names they have in a file: `module.Class`, and who may be found again under such a name.

A name from a file is looked up, never followed: through the classes of a module (its `__dict__`, no `__getattr__`, no
functions, no modules inside modules), and what is found must itself claim that name. A module is imported only if the
application allowed the type by name, or if it is a submodule of a package that is already imported and its source
defines such a class. Nothing found here is called. See docs/format.md, rules V20 to V24.
"""

from __future__ import annotations

import ast
import enum
import importlib
import importlib.util
import sys
import types
from collections import deque
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal
from uuid import UUID

from langgraph.checkpoint.serde import _msgpack
from langgraph.checkpoint.serde.event_hooks import emit_serde_event

__all__ = ["VALUE_BASES", "Policy", "class_name", "is_data_class", "is_named_tuple", "keys_of", "model_base"]

VALUE_BASES: tuple[type, ...] = (
    *(str, int, float, complex, bytes, bytearray, list, dict, tuple, set, frozenset),
    *(deque, datetime, date, time, timedelta, UUID, Decimal, Fraction),
)
"""Built-in types whose subclasses are rebuilt by the built-in alone, so that no code of the subclass runs."""

_SAFE = _msgpack.SAFE_MSGPACK_TYPES | {
    ("langgraph.checkpoint.serde.types", "_DeltaSnapshot"),  # LangGraph revives it in strict mode, by a code of its own
    ("langgraph.store.base", "SearchItem"),
    ("pydantic.types", "Secret"),
    ("pydantic.types", "SecretStr"),
    ("pydantic.types", "SecretBytes"),
    ("pydantic.v1.types", "SecretStr"),
    ("pydantic.v1.types", "SecretBytes"),
}
_URL_BASES = {
    "pydantic.networks": ("_BaseUrl", "_BaseMultiHostUrl"),
    "pydantic_core._pydantic_core": ("Url", "MultiHostUrl"),  # what pydantic before 2.10 made of all of them
}
_SIMPLE_ARGUMENTS: dict[str, Any] = {
    kind.__name__: kind for kind in (str, int, float, bool, bytes, list, dict, tuple, set)
}


def class_name(kind: type) -> str:
    """Return the name under which objects of `kind` are stored: its module and qualified name."""
    # A specialised generic model claims the module that asked for it, and is found beside the generic one.
    origin = _origin(kind) or kind
    return f"{origin.__module__}.{kind.__qualname__}"


def model_base(kind: type) -> Literal["", "v1", "v2"]:
    """Tell whether `kind` is a pydantic model, and of which generation."""
    for version, module in (("v2", "pydantic.main"), ("v1", "pydantic.v1.main")):
        loaded = sys.modules.get(module)
        if loaded is not None and loaded.BaseModel in kind.__mro__:
            return "v2" if version == "v2" else "v1"
    return ""


def static_attribute(kind: type, name: str) -> Any:
    """Return what a class or one of its bases holds under a name, or None. No code of a metaclass is asked."""
    return next((base.__dict__[name] for base in kind.__mro__ if name in base.__dict__), None)


def is_dataclass(kind: type) -> bool:
    """Whether a class is a dataclass."""
    return static_attribute(kind, "__dataclass_fields__") is not None


def is_named_tuple(kind: type) -> bool:
    """Whether `kind` was made by `typing.NamedTuple` or `collections.namedtuple`."""
    fields = static_attribute(kind, "_fields")
    return (
        issubclass(kind, tuple)
        and isinstance(fields, tuple)
        and all(isinstance(name, str) and name.isidentifier() for name in fields)
        and static_attribute(kind, "_make") is not None
    )


def is_data_class(kind: type) -> bool:
    """Whether objects of `kind` are data by nature: a model, a dataclass, an enum, a named tuple, a built-in's subclass."""
    return (
        is_dataclass(kind)
        or issubclass(kind, (enum.Enum, *VALUE_BASES))
        or is_named_tuple(kind)
        or bool(model_base(kind))
        or is_url(kind)
    )


def is_url(kind: type) -> bool:
    """Whether `kind` is one of pydantic's own types of addresses, such as HttpUrl and PostgresDsn."""
    return any(
        isinstance(base, type) and issubclass(kind, base) and kind.__module__ == module
        for module, names in _URL_BASES.items()
        for base in (getattr(sys.modules.get(module), name, None) for name in names)
    )


class Policy:
    """Which types one serializer revives.

    Args:
        allowed: LangGraph's msgpack allowlist: True is its permissive default, a set or None its strict mode.
        own: The types given as `allowed_types`.
    """

    def __init__(self, allowed: set[tuple[str, ...]] | Literal[True] | None, own: frozenset[tuple[str, ...]]) -> None:
        self._permissive = allowed is True
        self._listed = _SAFE | own | (allowed if isinstance(allowed, set) else set())

    def find(self, name: str) -> type | None:
        """Return the class stored as `name` if it may be revived, else None. Tells LangGraph's event listeners."""
        if "." not in name:
            return None
        for module, path in _splits(name):
            listed = self._lists(module, path)
            if not (listed or self._permissive):
                continue
            found = _look_up(module, path, importable=listed)
            if found is None:
                continue
            if listed:
                return found
            if is_data_class(found):
                _emit("msgpack_unregistered_allowed", module, path)
                return found
        _emit("msgpack_blocked", *name.rsplit(".", 1))
        return None

    def _lists(self, module: str, path: str) -> bool:
        # LangGraph collects its allowlist by `__name__`, which of a nested class is only the last part.
        return (module, path) in self._listed or (module, path.rsplit(".", 1)[-1]) in self._listed


def keys_of(types_or_keys: Iterable[type | tuple[str, ...]]) -> frozenset[tuple[str, ...]]:
    """Return the allowlist keys (module, name) of the given types; a key may be given instead of a type."""
    return frozenset((key.__module__, key.__qualname__) if isinstance(key, type) else key for key in types_or_keys)


def _splits(name: str) -> list[tuple[str, str]]:
    """Return the ways to read `name` as (module, path of classes), the longest module first."""
    plain = name.split("[", 1)[0]
    dots = [at for at, letter in enumerate(plain) if letter == "."]
    return [(name[:at], name[at + 1 :]) for at in reversed(dots) if at]


def _look_up(module: str, path: str, *, importable: bool) -> type | None:
    plain = path.split("[", 1)[0].split(".")
    loaded = sys.modules.get(module) or _import(module, plain, importable=importable)
    found: Any = loaded
    for part in plain:
        found = vars(found).get(part) if isinstance(found, (type, types.ModuleType)) else None
        if not isinstance(found, type):
            return None
    if found.__module__ != module or found.__qualname__ != ".".join(plain):
        return None
    return _parametrized(found, path) if "[" in path else found


def _parametrized(origin: type, path: str) -> type | None:
    """Return the specialised generic model (`Box[int]`) of `origin`, as far as that needs no evaluation of its name."""
    if not static_attribute(origin, "__pydantic_generic_metadata__"):
        return None
    subclasses: list[type] = origin.__subclasses__()
    made = [each for each in subclasses if each.__qualname__ == path and _origin(each) is origin]
    if made:
        return made[0] if len(made) == 1 else None
    arguments = tuple(_SIMPLE_ARGUMENTS.get(word.strip()) for word in path.split("[", 1)[1].rstrip("]").split(","))
    if None in arguments:
        return None
    special: Any = origin
    try:
        return special[arguments]  # type: ignore[no-any-return] # pydantic's own subscription, with built-in types
    except TypeError:
        return None


def _origin(kind: type) -> Any:
    return (static_attribute(kind, "__pydantic_generic_metadata__") or {}).get("origin")


def _import(module: str, path: list[str], *, importable: bool) -> types.ModuleType | None:
    """Import `module` if the allowlist names it, or if it extends an imported package and defines the class `path`."""
    if not all(part.isidentifier() and not part.startswith("__") for part in module.split(".")):
        return None
    try:
        if importable or _extends_and_defines(module, path):
            return importlib.import_module(module)
    except (Exception, SystemExit):  # noqa: BLE001 - whatever a module does when imported, the value stays readable
        return None
    return None


def _extends_and_defines(module: str, path: list[str]) -> bool:
    parent = sys.modules.get(module.rpartition(".")[0])
    if parent is None or "__path__" not in vars(parent):
        return False
    spec = importlib.util.find_spec(module)
    source = getattr(spec.loader, "get_source", lambda _: None)(module) if spec else None
    body = ast.parse(source).body if source else []
    defined: list[ast.ClassDef] = []
    for part in path:
        defined = [node for node in body if isinstance(node, ast.ClassDef) and node.name == part]
        if not defined:
            return False
        body = defined[0].body
    # Without a base and without a decorator no class is a data class, and its module is left alone.
    return bool(path) and bool(defined[0].bases or defined[0].decorator_list)


def _emit(kind: str, module: str, name: str) -> None:
    emit_serde_event({"kind": kind, "module": module, "name": name})
