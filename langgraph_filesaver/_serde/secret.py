"""Values of pydantic that are one text: secrets and addresses of the web. Secrets are stored in clear, as LangGraph does."""

from __future__ import annotations

import sys
from typing import Any

from langgraph_filesaver._serde.decode import Decoder, Reader
from langgraph_filesaver._serde.encode import Encoder, RefusedError, Writer
from langgraph_filesaver._serde.naming import class_name, is_url

__all__ = ["secret_reader", "secret_writer"]


def secret_writer(kind: type) -> Writer | None:
    """Return the writer for a secret of pydantic or one of its URLs, or None."""
    tag = class_name(kind)
    if kind in _secrets():
        return lambda value, encoder: _write(tag, value.get_secret_value(), encoder)
    if is_url(kind):
        return lambda value, encoder: _write(tag, _spell(value), encoder)
    return None


def secret_reader(kind: Any) -> Reader | None:
    """Return the reader for what `secret_writer` writes, or None."""
    if kind in _secrets() or is_url(kind):
        return lambda raw, decoder: kind(_value(raw, decoder))
    return None


def _write(tag: str, value: Any, encoder: Encoder) -> dict[str, Any]:
    return encoder.tag(tag, **{"$value": encoder.value(value)})


def _spell(url: Any) -> str:
    text = str(url)
    if type(url)(text) != url:
        raise RefusedError(f"is spelled {text!r}, which would be read as another address. Store that text")
    return text


def _value(raw: dict[str, Any], decoder: Decoder) -> Any:
    return decoder.value(raw["$value"], "$value")


def _secrets() -> set[type]:
    modules = [sys.modules[name] for name in ("pydantic.types", "pydantic.v1.types") if name in sys.modules]
    names = ("SecretStr", "SecretBytes", "Secret")  # `Secret[int](5)` is a plain Secret
    return {vars(module)[name] for module in modules for name in names if name in vars(module)}
