"""`_metadata`: configuration is not state, and a secret in it does not reach the disk (P13)."""

from __future__ import annotations

from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.serde.types import INTERRUPT

from langgraph_filesaver import FileSaver
from langgraph_filesaver._metadata import MetadataRule, matches
from langgraph_filesaver._store import MemoryStore
from tests.checkpoints import checkpoint_of, config_of, ids_of, metadata_of
from tests.stores import Home

LEFT_OUT = [
    "api_key", "apiKey", "API_KEY", "ApiKey", "APIKey", "apikey", "openai_api_key", "OPENAI_API_KEY", "x-api-key", "key",
    "token", "access_token", "accessToken", "accesstoken", "AUTH_TOKEN", "refreshToken", "id_token", "token2", "tokenV2",
    "password", "Password", "db.password", "user_password", "passwd", "pwd", "passphrase", "passcode", "pin", "card_pin",
    "secret", "client_secret", "clientSecret", "aws_secret_access_key", "credentials", "aws_credential", "auth",
    "authorization", "Authorization", "bearer", "cookie", "session-cookie", "jwt", "user.jwt", "keys", "HTTPAuth",
    "langgraph_auth_token", "langgraph_auth_api_key", "APIkey", "DBpassword", "db_pass", "smtp_pass", "apitoken",
    "sessiontoken", "privkey", "api_tokens", "accessTokens", "github_pat", "sentry_dsn",
    "connection_string", "connectionString", "connection_url", "conn_str", "database_url", "DATABASE_URL", "databaseURL",
    "db_uri", "DBUrl", "dburl", "sqlalchemy_database_uri", "redis_url", "mongodb_uri", "postgres_url", "broker_url", "dsn",
    "session_token", "private_key", "set_cookie", "creds", "oauth2", "otp", "PGPASSWORD",
]  # fmt: skip
KEPT = [
    "user_id", "run_id", "thread_id", "assistant_id", "author", "authored_by", "authority", "max_tokens", "maxTokens",
    "tokens_used", "tokenizer", "keyboard", "keynote", "monkey", "turkey", "spinning", "pinned", "opinion", "secretary",
    "passage", "passwordless", "compass", "bearing", "cookiecutter", "langgraph_auth_user_id",
    "session_id", "session", "connection", "connection_id", "database", "db_name", "database_id", "url", "base_url",
    "callback_url", "url_of_database", "string", "connection_strings_seen", "redis", "broker",
    "graph_id", "model", "temperature", "user.id", "Schlüssel", "", "_", "123", "日本",
]  # fmt: skip


@pytest.mark.parametrize("key", LEFT_OUT)
def test_keys_that_hold_a_credentials_word_are_left_out(key: str) -> None:
    """[S5] Whole words decide, however they are joined: snake case, camel case, dashes, dots, capitals, numbers."""
    assert MetadataRule().leaves_out(key)


@pytest.mark.parametrize("key", KEPT)
def test_keys_that_only_look_alike_stay(key: str) -> None:
    """A credential's word inside another word, the plural of a count, a name, and no database's address leave out nothing."""
    assert not MetadataRule().leaves_out(key)


def test_include_and_exclude_decide_otherwise() -> None:
    """`metadata_include` keeps a key that looks like a credential, `metadata_exclude` drops one that does not and wins."""
    rule = MetadataRule(include=["primary_key", "both"], exclude=["user_id", "both"])
    assert not rule.leaves_out("primary_key")
    assert rule.leaves_out("api_key")
    assert rule.leaves_out("user_id")
    assert rule.leaves_out("both")
    assert not rule.leaves_out("run_id")


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_one_string_in_place_of_a_list_of_keys_is_refused(name: str) -> None:
    """`metadata_include="key"` would mean three letters; it is a TypeError that shows the right call."""
    with pytest.raises(TypeError, match=rf"metadata_{name}=\['key'\]"):
        MetadataRule(**{name: "key"})


@given(st.text(max_size=30))
def test_any_string_is_a_key(key: str) -> None:
    """The rule has an answer for every key, and the same for the same."""
    assert MetadataRule().leaves_out(key) == MetadataRule().leaves_out(key)


@pytest.mark.parametrize("where", ["configurable", "metadata"])
def test_only_keys_copied_from_the_config_are_concerned(where: str) -> None:
    """The same key is left out where the config brings it, and kept where the checkpoint's own metadata does."""
    config: Any = {"configurable": {"thread_id": "t"}, where: {"api_key": "from config", "user_id": "u"}}
    assert MetadataRule().stored(config, metadata_of()) == metadata_of(0, {"user_id": "u"})
    own = metadata_of(0, {"api_key": "state", "writes": {"password": 1}})
    assert MetadataRule().stored(config, own) == {**own, "user_id": "u"}


def test_nothing_given_is_changed() -> None:
    """Config and metadata are left as they were given: the graph goes on using them."""
    config: Any = {"configurable": {"thread_id": "t", "api_key": "k"}, "metadata": {"token": "k"}}
    metadata = metadata_of()
    MetadataRule().stored(config, metadata)
    assert config == {"configurable": {"thread_id": "t", "api_key": "k"}, "metadata": {"token": "k"}}
    assert metadata == metadata_of()


def test_a_filter_on_what_is_never_stored_is_an_error(home: Home) -> None:
    """A filter on a dropped key raises ValueError that names the key and the way out; an empty answer would be a lie."""
    saver = home.saver()
    with pytest.raises(ValueError, match=r"'api_key'.*metadata_include=\['api_key'\]"):
        list(saver.list(None, filter={"user_id": "u", "api_key": "k"}))
    allowed = home.saver(metadata_include=["api_key"])
    allowed.put(config_of("t", "", None, api_key="k"), checkpoint_of("1"), metadata_of(), {})
    assert ids_of(allowed, None, filter={"api_key": "k"}) == ["1"]
    with pytest.raises(ValueError, match="'user_id'"):
        list(home.saver(metadata_exclude=["user_id"]).list(None, filter={"user_id": "u"}))


def test_matches_compares_key_by_key() -> None:
    """An empty filter matches everything; a missing key is None; a nested value is compared whole."""
    stored = {"a": 1, "b.c": 2, "b": {"c": 3}}
    assert matches(stored, None)
    assert matches(stored, {})
    assert matches(stored, {"a": 1, "b.c": 2, "b": {"c": 3}, "missing": None})
    assert not matches(stored, {"b.c": 3})
    assert not matches(stored, {"b": {}})


SECRET = "sk-5ecret-0f-the-config"


@pytest.mark.parametrize("options", [{}, {"fsync": False}], ids=["default", "no fsync"])
def test_a_secret_in_the_config_is_in_no_byte_on_disk(local_home: Home, options: dict[str, Any]) -> None:
    """End to end: after put, put_writes, copy and prune no file anywhere holds the secret, in name or content."""
    saver = FileSaver(local_home.root, **options)
    secrets: dict[str, Any] = dict.fromkeys(LEFT_OUT, SECRET)
    config = config_of("t", "", None, **secrets)
    config["metadata"] = {**secrets, "user_id": "u1"}
    config["tags"] = [SECRET]
    stored = saver.put(config, checkpoint_of("1", {"a": 1}, {"a": 1}), metadata_of(), {"a": 1})
    writing: RunnableConfig = {**config, "configurable": {**config["configurable"], **stored["configurable"]}}
    saver.put_writes(writing, [("a", 2), (INTERRUPT, "ask")], "task")
    saver.put(writing, checkpoint_of("2", {"a": 2}, {"a": 2}), metadata_of(1), {"a": 2})
    saver.copy_thread("t", "u")
    saver.prune(["u"])
    files = [path for path in local_home.root.rglob("*") if path.is_file()]
    assert len(files) >= 5
    assert [path for path in files if SECRET.encode() in path.read_bytes() or SECRET in str(path)] == []
    found = saver.get_tuple(config_of())
    assert found is not None
    assert found.metadata == metadata_of(1, {"user_id": "u1"})


def test_what_filters_and_runs_need_is_kept() -> None:
    """`run_id`, `user_id` and the plain values of the config are stored and can be filtered by."""
    saver = FileSaver(MemoryStore())
    config = config_of("t", "", None, run_id="r1", user_id="u1", depth=2, ratio=0.5, live=True, model={"not": "plain"})
    saver.put(config, checkpoint_of("1"), metadata_of(), {})
    found = saver.get_tuple(config_of())
    assert found is not None
    assert found.metadata == metadata_of(0, {"run_id": "r1", "user_id": "u1", "depth": 2, "ratio": 0.5, "live": True})
    assert ids_of(saver, None, filter=cast("dict[str, Any]", {"run_id": "r1", "live": True})) == ["1"]
