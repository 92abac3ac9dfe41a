"""`_layout`: every string has a name of its own, safe on every file system, and nothing leaves the root (P4)."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from langgraph_filesaver import _layout as layout
from tests.checkpoints import config_of, id_of, ids_of, put
from tests.stores import Home

SAFE = re.compile(r"[a-z0-9][a-z0-9_~-]*")
DEVICES = ["con", "prn", "aux", "nul", *(f"{name}{number}" for name in ("com", "lpt") for number in range(10))]
HOSTILE = [
    "", ".", "..", "../..", "/", "/etc/passwd", "a/b", "a\\b", "*", "?", "[a]", "a*", "~", "~root", "$HOME", "%2e%2e",
    "a.json", "thread.json", "filesaver.json", ".tmp", ".locks", "checkpoints", "_root", "names", "_names", "a:b|c:d",
    "a ", " a", "a.", "a\n", "\x00", "\r\n", "CON", "con", "nul.txt", "COM1", "x" * 300, "é", "e\u0301", "ﬁ", "🦜",
    "\ud800", "\udc80", "\ud83d\ude00", "😀", "İ", "ß", "K", "a~" + "a" * 32, "-", "_", "-rf", "0",
]  # fmt: skip

any_text = st.text(st.characters(codec=None, categories=None), max_size=300) | st.sampled_from(HOSTILE)


def is_safe(name: str) -> bool:
    return (
        SAFE.fullmatch(name) is not None
        and len(name) <= 64
        and name.partition(".")[0] not in DEVICES
        and name.casefold() == name
        and unicodedata.normalize("NFKD", name) == name
    )


@given(any_text)
@example("con\n")
@example("a" * 65)
@example("a" * 64)
def test_every_string_has_a_safe_name(identifier: str) -> None:
    """Any string has a name of lower-case ASCII letters, digits, `-`, `_` and `~`, of 64 characters at most, and no device's."""
    name = layout.name_of(identifier)
    assert is_safe(name)
    assert layout.is_name(name)
    assert len(layout.lock_name(identifier)) <= 69


@given(any_text, any_text)
@example("A", "a")
@example("é", "e\u0301")
@example("a\n", "a")
@example("\ud800", "\ud801")
@example("x" * 300, "x" * 301)
def test_two_strings_never_share_a_name(one: str, two: str) -> None:
    """[N3] Different strings have different names, also where they differ by case, normal form, or far behind."""
    assert (layout.name_of(one) == layout.name_of(two)) == (one == two)


def test_hostile_strings_have_names_of_their_own() -> None:
    """All the well-known troublemakers, taken together and in upper and lower case, have as many names."""
    identifiers = {each for text in HOSTILE for each in (text, text.upper(), text.lower(), text + "\n", text * 2)}
    assert len({layout.name_of(each) for each in identifiers}) == len(identifiers)


@given(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True))
@example("research-42")
@example("1f0b2c3d-0000-6000-8000-000000000000")
@example("con1")
@example("com10")
def test_plain_ids_are_their_own_names(identifier: str) -> None:
    """An id of lower-case letters, digits, `-` and `_` is its own name, and the name tells the id; devices' names are not."""
    if identifier in DEVICES:
        assert layout.name_of(identifier) != identifier
        assert layout.id_of_name(identifier) is None
    else:
        assert layout.name_of(identifier) == identifier
        assert layout.id_of_name(identifier) == identifier


@given(any_text)
def test_a_name_is_its_ids_or_tells_no_id(identifier: str) -> None:
    """The id read back from a name is the one it was made from, or none where only the file itself can tell."""
    assert layout.id_of_name(layout.name_of(identifier)) in {identifier, None}


@pytest.mark.parametrize("device", DEVICES)
def test_no_name_is_a_device_of_windows(device: str) -> None:
    """CON, NUL, COM1 and the like, in either case and with an extension, are escaped."""
    for identifier in (device, device.upper(), device.title(), f"{device}.txt", f"{device} "):
        name = layout.name_of(identifier)
        assert name != identifier
        assert name not in DEVICES
        assert "~" in name


def test_a_name_keeps_what_is_readable_of_its_id() -> None:
    """An escaped name begins with the readable part of its id."""
    assert layout.name_of("Research 42: Gauß").startswith("research-42-gau~")
    assert layout.name_of("../../etc/passwd").startswith("etc-passwd~")
    assert layout.name_of("日本").startswith("id~")


def test_names_are_the_same_in_every_release() -> None:
    """The names of some ids, written down: a release that named them otherwise would lose every thread (P6)."""
    assert [layout.name_of(each) for each in ("", "A", "a/b", "\ud800")] == [
        "id~4oymiquy7qobjgx36tejs35zeqt24qpe",
        "a~kwnovuecmtkxsxjzbfyyzxifvpkjk4xi",
        "a-b~yfgn3qbt6zfz32ua5jtvz4uauak6m4sr",
        "id~sgtidomykvp3i5khtal3cjwjjzl6kiar",
    ]


@given(any_text, any_text)
def test_the_root_namespace_shares_its_name_with_no_other(one: str, two: str) -> None:
    """Namespaces are told apart like ids; the one that is the empty string has a name that no id has."""
    assert (layout.namespace_name(one) == layout.namespace_name(two)) == (one == two)
    assert layout.namespace_of_name(layout.namespace_name("")) == ""
    assert layout.namespace_of_name(layout.namespace_name(one)) in {one, None}


@given(any_text, any_text, any_text, st.integers(0, 10**6))
def test_the_name_of_a_writes_file_falls_into_its_parts(ns: str, checkpoint_id: str, task: str, number: int) -> None:
    """Names joined by dots come apart again, and begin with the prefix that belongs to the checkpoint alone."""
    key = layout.writes_key("t", ns, checkpoint_id, task, number)
    folder, _, name = key.rpartition("/")
    prefix = layout.writes_prefix(ns, checkpoint_id)
    assert name.startswith(prefix)
    assert folder == layout.writes_bucket_folder("t", prefix)
    assert folder[-1] in layout.WRITES_BUCKETS
    assert layout.WritesName.parse(name) == (
        layout.namespace_name(ns),
        layout.name_of(checkpoint_id),
        layout.name_of(task),
        number,
    )


@given(any_text)
@example("_root.1.task.0.json~")
@example("_root.1.task.-1.json")
@example("_root.1.task.1.json.bak")
@example("_root.1.task.²2.json")
@example("_root.1.task..json")
@example("_root.1.Task.0.json")
@example("_root..task.0.json")
@example("..1.task.0.json")
def test_a_stray_name_is_no_writes_file(name: str) -> None:
    """Names that `writes_key` cannot have made are strays."""
    assert layout.WritesName.parse(name) is None


@given(st.lists(any_text | st.from_regex(r"[a-z0-9~.-]{1,10}(\.json)?", fullmatch=True), max_size=6))
@example(["a.json", "b.json", "con.json", "B.json", "x.json~", ".json", "a\n.json", "b.json\n"])
@example(["a\nb.json"])
def test_listings_are_sorted_into_ids_hashes_and_strays(names: list[str]) -> None:
    """Of a listing, stems of plain names are ids as they stand, hashed ones need a look, and everything else is left out."""
    listing = tuple(sorted(set(names)))
    plain, hashed = layout.json_stems(listing)
    stems = [name.removesuffix(".json") for name in listing if name.endswith(".json")]
    assert list(plain) == [stem for stem in stems if layout.id_of_name(stem) == stem]
    assert list(hashed) == [stem for stem in stems if layout.is_name(stem) and layout.id_of_name(stem) is None]


@pytest.mark.parametrize("identifier", HOSTILE, ids=ascii)
def test_any_string_is_an_id_and_stays_below_the_root(tmp_path: Path, identifier: str) -> None:
    """[S1] Put, write, list, copy and delete under any id touch nothing outside the root, and nobody else's thread."""
    bystander = tmp_path / "bystander"
    bystander.write_bytes(b"mine")
    home = Home("local", tmp_path / "deep/root")
    saver = home.saver()
    put(saver, "1", {"a": 1}, thread_id="neighbour")
    before = {key: (home.root / key).read_bytes() for key in home.files()}

    put(saver, identifier or "x", {"a": 2}, thread_id=identifier, checkpoint_ns=identifier)
    saver.put_writes(config_of(identifier, identifier, identifier or "x"), [("a", 3)], identifier)
    again = home.saver()
    found = again.get_tuple(config_of(identifier, identifier))
    assert found is not None
    assert found.config["configurable"] == {
        "thread_id": identifier,
        "checkpoint_ns": identifier,
        "checkpoint_id": identifier or "x",
    }
    assert found.pending_writes == [(identifier, "a", 3)]
    threads = [each.config["configurable"]["thread_id"] for each in again.list(None)]
    assert sorted(threads) == sorted(["neighbour", identifier])
    assert ids_of(again, config_of(identifier, None)) == [identifier or "x"]

    again.copy_thread(identifier, identifier + "!")
    assert ids_of(again, config_of(identifier + "!", identifier)) == [identifier or "x"]
    again.delete_thread(identifier + "!")
    again.prune([identifier], strategy="delete")
    assert again.get_tuple(config_of(identifier, identifier)) is None
    assert {key: (home.root / key).read_bytes() for key in home.files()} == before
    assert bystander.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bystander", "deep"]
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["root"]


def test_ids_that_differ_by_case_alone_are_kept_apart_on_any_disk(local_home: Home) -> None:
    """`A` and `a` as thread, namespace, checkpoint and task: no two of their files have names equal but for case."""
    saver = local_home.saver()
    for thread_id in ("Case", "case", "CASE"):
        for checkpoint_ns in ("Ns", "ns"):
            for checkpoint_id in ("Id", "iD"):
                put(saver, checkpoint_id, {"a": [thread_id]}, thread_id=thread_id, checkpoint_ns=checkpoint_ns)
                for task in ("Task", "task"):
                    saver.put_writes(config_of(thread_id, checkpoint_ns, checkpoint_id), [("a", task)], task)
    files = local_home.files()
    assert len({key.casefold() for key in files}) == len(files)
    for thread_id in ("Case", "case", "CASE"):
        found = list(local_home.saver().list(config_of(thread_id, None)))
        assert [(each.config["configurable"]["checkpoint_ns"], id_of(each.config)) for each in found] == [
            ("Ns", "iD"), ("Ns", "Id"), ("ns", "iD"), ("ns", "Id"),
        ]  # fmt: skip
        assert all(each.checkpoint["channel_values"] == {"a": [thread_id]} for each in found)
        assert all(each.pending_writes == [("Task", "a", "Task"), ("task", "a", "task")] for each in found)
