"""`errors`: a tree grouped by what the caller will do, told in full, also to another process."""

from __future__ import annotations

import copy
import errno
import inspect
import multiprocessing
import pickle
import traceback
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import pytest

import langgraph_filesaver
from langgraph_filesaver import errors
from langgraph_filesaver.errors import (
    ConflictError,
    CorruptDataError,
    DecryptionError,
    FileSaverError,
    InvalidEditError,
    LockTimeoutError,
    NotFoundError,
    ReadOnlyError,
    SerializationError,
    StorageError,
    UnsupportedFormatError,
)

HOLDER = {"pid": 7, "host": "h", "since": "2026"}
EXAMPLES: list[FileSaverError] = [
    FileSaverError("something"),
    StorageError("cannot write /a: full", path="/a", number=errno.ENOSPC),
    StorageError("without a number", path="/a"),
    StorageError.from_os_error(OSError(errno.EACCES, "Permission denied", "/a"), action="read", path="/a"),
    LockTimeoutError("locked", path="/a.lock", timeout_seconds=1.5, holder=HOLDER),
    LockTimeoutError("locked", path="", timeout_seconds=0, holder=None),
    NotFoundError("there is no thread 'reserch'", wanted="reserch", nearest=("research",)),
    ConflictError("changed"),
    ReadOnlyError("cannot write /x", path="/x"),
    DecryptionError("it was cut off", path="/x/1.json"),
    CorruptDataError("expected x", path="/a.json", line=3, column=4, where='state["a"]'),
    CorruptDataError("expected x"),
    UnsupportedFormatError("newer", path="/a", found=2, supported=1),
    SerializationError("cannot store it", where='state["a"]', type_name="socket.socket"),
    InvalidEditError("expected x", line=3, column=4, where='state["a"]'),
    InvalidEditError("no such channel"),
]


def raise_it(error: FileSaverError) -> None:
    raise error


def fields_of(error: BaseException) -> tuple[Any, ...]:
    """Return everything that a caller can see of an error."""
    return (type(error), error.args, str(error), vars(error), getattr(error, "errno", None))


def classes() -> list[type[FileSaverError]]:
    return [each for _, each in inspect.getmembers(errors, inspect.isclass) if issubclass(each, FileSaverError)]


def test_every_class_of_the_tree_is_tried_here() -> None:
    """The examples of this module hold each class, so that a new one is not forgotten."""
    assert {type(each) for each in EXAMPLES} == set(classes())
    assert {each.__name__ for each in classes()} == set(errors.__all__) - {"CorruptCheckpointWarning"}
    assert set(errors.__all__) <= set(langgraph_filesaver.__all__)


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (StorageError, OSError),
        (LockTimeoutError, TimeoutError),
        (SerializationError, TypeError),
        (ConflictError, FileSaverError),
        (CorruptDataError, FileSaverError),
        (UnsupportedFormatError, FileSaverError),
    ],
)
def test_errors_can_be_caught_by_family_and_by_builtin_name(kind: type, also: type) -> None:
    """Every error is a FileSaverError; a StorageError is an OSError, a lock's timeout a TimeoutError."""
    assert issubclass(kind, FileSaverError)
    assert issubclass(kind, also)


def test_a_damaged_file_is_not_a_storage_error() -> None:
    """Code that retries on OSError does not retry a file that must be mended by hand, nor a newer format."""
    for kind in (CorruptDataError, UnsupportedFormatError, ConflictError, SerializationError):
        assert not issubclass(kind, OSError)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_all_its_fields(error: FileSaverError, protocol: int) -> None:
    """Class, message, fields, errno and notes added by hand are the same after pickling; so they are after copying."""
    error = copy.copy(error)
    error.note = "mine"  # type: ignore[attr-defined]
    for again in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error), copy.deepcopy(error)):
        assert again is not error
        assert fields_of(again) == fields_of(error)


def test_an_error_from_another_process_is_the_same() -> None:
    """Raised in a worker process, each error arrives in its parent with the same class, message and fields."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        for error in EXAMPLES:
            with pytest.raises(type(error)) as arrived:
                pool.submit(raise_it, error).result(timeout=120)
            assert fields_of(arrived.value)[:3] == fields_of(error)[:3]
            assert getattr(arrived.value, "errno", None) == getattr(error, "errno", None)
            assert {key: value for key, value in vars(arrived.value).items() if key != "__notes__"} == vars(error)


@pytest.mark.parametrize("error", EXAMPLES, ids=lambda error: type(error).__name__)
def test_a_traceback_ends_in_the_message(error: FileSaverError) -> None:
    """What a person sees at the end of a traceback is the class and the whole message, not an errno."""
    last = traceback.format_exception_only(type(error), error)[-1].strip()
    assert last == f"langgraph_filesaver.errors.{type(error).__name__}: {error}"
    assert "[Errno" not in last


@pytest.mark.parametrize(
    ("number", "advice"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EDQUOT, "quota"),
        (errno.EACCES, "permissions"),
        (errno.EROFS, "read-only"),
        (errno.ENOTDIR, "file stands where a folder"),
        (errno.EIO, "device"),
    ],
)
def test_a_storage_error_names_file_finding_and_next_step(number: int, advice: str) -> None:
    """Made from a system's error it tells what was done to which file, the reason, and what to do."""
    error = StorageError.from_os_error(OSError(number, "the reason", "/x"), action="write", path="/data/a.json")
    assert str(error).startswith("cannot write /data/a.json: the reason")
    assert advice in str(error)
    assert (error.errno, error.path) == (number, "/data/a.json")


def test_a_storage_error_from_an_error_without_words_still_says_something() -> None:
    """An OSError without number or text is named by its class."""
    assert str(StorageError.from_os_error(ConnectionResetError(), action="read", path="/a")) == (
        "cannot read /a: ConnectionResetError"
    )


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (CorruptDataError("r", path="/a.json", line=3, column=4), "/a.json, line 3, column 4: r"),
        (CorruptDataError("r", path="/a.json", line=3), "/a.json, line 3: r"),
        (CorruptDataError("r", path="/a.json", where="writes[0].idx"), "/a.json, at writes[0].idx: r"),
        (CorruptDataError("r"), "<document>: r"),
    ],
)
def test_a_damaged_file_is_told_by_path_and_place(error: CorruptDataError, told: str) -> None:
    """The message begins with the file, then line and column or the path inside the document, as far as known."""
    assert str(error) == told


def test_a_finding_can_be_given_its_file_later() -> None:
    """`in_file` tells the same finding, place and all, of a file that only the caller knows."""
    found = CorruptDataError("r", line=3, column=4, where="w").in_file("/a.json")
    assert fields_of(found) == fields_of(CorruptDataError("r", path="/a.json", line=3, column=4, where="w"))
