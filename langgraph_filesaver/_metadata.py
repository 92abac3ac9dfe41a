"""Which metadata is stored, and what a filter on it means (P13). Pure.

LangGraph copies every plain value of `config["configurable"]` and `config["metadata"]` into a checkpoint's metadata, so
an `api_key` given there would reach the disk. Keys that hold a credential's word are left out; whole words decide, so
that `author`, `max_tokens` and `keyboard` stay. The address of a database carries its password (`database_url`,
`connection_string`) and is left out as well; another address (`base_url`) and a name (`session_id`) stay. Only keys copied from the config are concerned: what a caller puts into
the checkpoint's metadata itself is state, and stays. A filter names a key that is left out: that is an error, for an
empty answer would be a lie.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, get_checkpoint_metadata

__all__ = ["MetadataRule", "matches"]

_CREDENTIAL_WORDS = frozenset(
    {"key", "keys", "token", "secret", "secrets", "password", "passwords", "passwd", "pwd", "passphrase", "passcode"}
    | {"pin", "credential", "credentials", "auth", "authorization", "authentication", "bearer", "cookie", "cookies"}
    | {"jwt", "apikey", "apikeys", "accesskey", "secretkey", "privatekey", "accesstoken", "authtoken", "refreshtoken"}
    | {"idtoken", "clientsecret", "apitoken", "sessiontoken", "bearertoken", "privkey", "pass", "pat", "dsn"}
    | {"creds", "oauth", "otp", "totp", "pgpassword", "connectionstring", "connstring", "connstr"}
    | {"databaseurl", "dburl"}
)
_TOKENS_OF = frozenset({"api", "access", "auth", "refresh", "bearer", "session"})  # not of a language model's count
_SERVICES = frozenset(
    {"connection", "conn", "database", "db", "postgres", "postgresql", "pg", "mysql", "mariadb", "mongo", "mongodb"}
    | {"redis", "valkey", "sqlalchemy", "jdbc", "odbc", "amqp", "rabbitmq", "broker"}
)
_ADDRESSES = frozenset({"url", "uri", "string", "str"})  # of a service: with its user and password
_SERVER_PREFIX = "langgraph_auth_"  # LangGraph's server tells with it who the user is; the words behind it decide
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_WORDS_AFTER_CAPITALS = re.compile(r"[A-Z]+|[a-z]+|[0-9]+")  # `DBpassword`, which `_WORDS` reads as D, Bpassword


class MetadataRule:
    """Decides which keys of a config become metadata.

    Args:
        include: Keys to store although they look like a credential.
        exclude: Keys to leave out although they do not.
    """

    def __init__(self, include: Collection[str] = (), exclude: Collection[str] = ()) -> None:
        for name, value in (("metadata_include", include), ("metadata_exclude", exclude)):
            if isinstance(value, str):
                raise TypeError(f"{name} takes a list of keys, not one string: {name}=[{value!r}]")
        self._include = frozenset(include)
        self._exclude = frozenset(exclude)

    def leaves_out(self, key: str) -> bool:
        """Tell whether a key of the config is kept off the disk."""
        if key in self._exclude:
            return True
        if key in self._include:
            return False
        return _names_a_credential(key)

    def stored(self, config: RunnableConfig, metadata: CheckpointMetadata) -> dict[str, Any]:
        """Return the metadata to store: all of `metadata`, and what LangGraph copies from the config, less secrets."""
        safe = cast("RunnableConfig", {name: self._safe(config.get(name)) for name in ("metadata", "configurable")})
        return cast("dict[str, Any]", get_checkpoint_metadata(safe, metadata))

    def check_filter(self, wanted: Mapping[str, Any] | None) -> None:
        """Refuse a filter that could never match because its key is left out.

        Raises:
            ValueError: A key of the filter is one of those; it is named.
        """
        for key in wanted or ():
            if self.leaves_out(key):
                raise ValueError(
                    f"metadata key {key!r} looks like a credential and is not stored, so nothing can be found by it; "
                    f"to store it, make the saver with metadata_include=[{key!r}]"
                )

    def _safe(self, given: Any) -> dict[str, Any]:
        return {key: value for key, value in (given or {}).items() if not self.leaves_out(key)}


@lru_cache(maxsize=1024)  # each put asks for the same few keys
def _names_a_credential(key: str) -> bool:
    name = key.removeprefix(_SERVER_PREFIX)
    return any(_tells_a_credential(pattern.findall(name)) for pattern in (_WORDS, _WORDS_AFTER_CAPITALS))


def _tells_a_credential(words: list[str]) -> bool:
    lower = [word.lower() for word in words]
    pairs = any(
        (one in _TOKENS_OF and two == "tokens") or (one in _SERVICES and two in _ADDRESSES)
        for one, two in pairwise(lower)
    )
    return pairs or not _CREDENTIAL_WORDS.isdisjoint(lower)


def matches(metadata: Mapping[str, Any], wanted: Mapping[str, Any] | None) -> bool:
    """Tell whether every key of the filter equals the stored value; a missing key is None; dots are literal."""
    return all(metadata.get(key) == value for key, value in (wanted or {}).items())
