"""FileSaver: LangGraph's checkpointer contract in terms of the repository; no path and no byte is spelled here.

Everything is written once, synchronously; the async methods (`_async_methods`) run the same code on a thread pool. Semantics are
InMemorySaver's, and SqliteSaver's where that has none. `self.serde` is read anew at each call, because `with_allowlist`
clones the saver with another one and shares the rest (P10).
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Any, Literal, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from typing_extensions import Self

from langgraph_filesaver._artifacts import ArtifactCodec, ArtifactWriter, Compression, Formats
from langgraph_filesaver._asked import was_asked
from langgraph_filesaver._async_methods import AsyncMethods
from langgraph_filesaver._codec import Codec
from langgraph_filesaver._crypt import Encryption, provider_of
from langgraph_filesaver._documents import CheckpointDocument, StoredWrite, WritesDocument
from langgraph_filesaver._editing_methods import EditingMethods
from langgraph_filesaver._encryption_methods import EncryptionMethods
from langgraph_filesaver._events import Event, observed
from langgraph_filesaver._inspection_methods import InspectionMethods
from langgraph_filesaver._lease_methods import LeaseMethods
from langgraph_filesaver._maintenance_methods import MaintenanceMethods
from langgraph_filesaver._metadata import MetadataRule
from langgraph_filesaver._mirror_methods import MirrorMethods
from langgraph_filesaver._patience import waiting_for
from langgraph_filesaver._reading import Address, config_of, thread_of_config
from langgraph_filesaver._reading_methods import ReadingMethods
from langgraph_filesaver._repository import Repository
from langgraph_filesaver._retention_methods import RetentionMethods
from langgraph_filesaver._root import Root
from langgraph_filesaver._runs import run_id_of, run_of
from langgraph_filesaver._serde import JsonSerializer
from langgraph_filesaver._store import Store
from langgraph_filesaver._sweeper import Sweeper
from langgraph_filesaver._ttl import TimeToLive
from langgraph_filesaver._twins import Twins, is_on_event_loop
from langgraph_filesaver._verification_methods import VerificationMethods
from langgraph_filesaver.config import (
    ARTIFACT_THRESHOLD_BYTES,
    LOCK_TIMEOUT_SECONDS,
    MAX_WORKERS,
)

__all__ = ["FileSaver"]


class FileSaver(
    InspectionMethods,
    EncryptionMethods,
    VerificationMethods,
    RetentionMethods,  # before those that ask it
    ReadingMethods,
    MaintenanceMethods,
    EditingMethods,
    LeaseMethods,
    MirrorMethods,
    AsyncMethods,
):
    """Keeps LangGraph checkpoints as a folder of readable JSON files.

    Constructing it writes nothing; the folder is made by the first write. One instance serves sync and async callers, any
    number of threads and event loops, and other processes on the same folder. It is its own context manager, and needs
    neither that nor `setup()`.

    Args:
        root: The folder that holds the threads: a path, or a URL of any filesystem that fsspec knows (`s3://bucket/agents`).
        storage_options: What fsspec is to make the filesystem of a URL with (keys, endpoint, …).
        filesystem: A ready fsspec filesystem to use as it is; `root` is a path in it then.
        serde: How values are stored. The default writes readable JSON; another serde's bytes are stored in base64.
        fsync: True: what was put survives a power cut. False: it survives a killed process, and puts are faster.
        lock_timeout_seconds: How long a call waits for a lock.
        metadata_include: Keys of the config to store although they look like a credential.
        metadata_exclude: Keys of the config not to store although they do not.
        max_workers: How many async calls run at once.
        artifact_threshold_bytes: From how many bytes on a value leaves the checkpoint's file and becomes an artifact, a file
            of its own; 0: everything but numbers, booleans and None; None: nothing, and lists are not cut either.
        compression: How artifacts are compressed: "zstd" (in Python before 3.14 with the extra `zstd`), "gzip" or None.
        artifact_codecs: Formats of your own for values of some types, which then always become artifacts.
        on_conflict: What a put does whose parent is no longer the latest checkpoint of the root namespace. "fork": it is
            stored beside the other one, as with LangGraph's other savers, and the newer of the two goes on. "raise": it
            raises ConflictError and stores nothing, unless the caller has asked for the parent by its id (time travel).
            With the durabilities "async" and "exit" the error comes after nodes have run.
        lock: The kind of lock files: "native" (the kernel's), "soft" (for NFS, whose clients do not see each
            other's locks) or "auto", what the file system needs.
        mirror: The URL of a store into which each file of a local folder is put as well, before a call returns, and from which a
            thread that is not here is fetched.
        mirror_options: What fsspec is to make the filesystem of the mirror with.
        mirror_required: Whether a call fails that did not reach the mirror. False: it is warned of and made up for.
        encryption: What the files are sealed with: a key (`EncryptionKey`, 32 bytes, or its text), a key file (`Path`), several
            keys, the current one first, or a `KeyProvider`. None: the keys in the variable LANGGRAPH_FILESAVER_KEY, where it
            is set; False: nothing is sealed all the same. A store is sealed or plain from its first file on.
        ttl: How long a thread is kept after its last activity, until a sweep removes it: a timedelta, or what `langgraph.json` has:
            {"default_ttl": minutes, "refresh_on_read": bool, "sweep_interval_minutes": …, "strategy": "delete" | "keep_latest"}.
            With an interval, a process that writes sweeps in the background.
        on_corrupt: What reading the latest checkpoint does where a file of it is damaged. "raise": it raises CorruptDataError.
            "previous": it warns (`CorruptCheckpointWarning`) and gives the newest one before it that is sound.
        read_only: Whether nothing is to be written, not even locks, as on a mount that cannot be written to. What would write
            raises ReadOnlyError.
        on_load: Makes of the stored state of a checkpoint, channel by channel, the state that the graph is given: for channels with
            another name, or of another shape, by now. It must not change what it is given. Files stay as they were written.
        on_event: Called with an `Event` when a call has ended; what it raises is logged.
        mode: The permissions of files in a local folder, such as 0o640 for a group that may read them; folders follow. What is
            there keeps its own.

    Raises:
        StorageError: `root` is a file, or a folder with other things in it, or cannot be read.
        UnsupportedFormatError: `root` was written by a newer release.
        CorruptDataError: The marker file in `root` is unreadable.
        DecryptionError: The store is encrypted, and there is no key.
        ValueError: `root` is a URL of a kind that fsspec does not know.
        ImportError: The driver for the URL is not installed; the message names the extra that installs it.

    Example:
        >>> saver = FileSaver("./checkpoints")
        >>> graph = builder.compile(checkpointer=saver)
        >>> graph.invoke(inputs, {"configurable": {"thread_id": "research-42"}})
    """

    def __init__(
        self,
        root: str | os.PathLike[str] | Store,
        *,
        storage_options: Mapping[str, Any] | None = None,
        filesystem: Any = None,
        serde: SerializerProtocol | None = None,
        fsync: bool = True,
        lock_timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
        metadata_include: Collection[str] = (),
        metadata_exclude: Collection[str] = (),
        max_workers: int = MAX_WORKERS,
        artifact_threshold_bytes: int | None = ARTIFACT_THRESHOLD_BYTES,
        compression: Compression | None = None,
        artifact_codecs: Iterable[ArtifactCodec] = (),
        on_conflict: Literal["fork", "raise"] = "fork",
        lock: Literal["auto", "native", "soft"] = "auto",
        mirror: str | Store | None = None,
        mirror_options: Mapping[str, Any] | None = None,
        mirror_required: bool = True,
        encryption: Encryption = None,
        ttl: timedelta | Mapping[str, Any] | None = None,
        on_corrupt: Literal["raise", "previous"] = "raise",
        read_only: bool = False,
        on_load: Callable[[dict[str, Any]], Mapping[str, Any]] | None = None,
        on_event: Callable[[Event], object] | None = None,
        mode: int = 0o600,
    ) -> None:
        super().__init__(serde=JsonSerializer() if serde is None else serde)
        formats = Formats(artifact_threshold_bytes, compression=compression, codecs=artifact_codecs)
        if on_conflict not in ("fork", "raise"):
            raise ValueError(f"on_conflict={on_conflict!r}: use 'fork' or 'raise'")
        self._root = Root(
            root,
            fsync=fsync,
            lock_timeout_seconds=lock_timeout_seconds,
            formats=formats,
            lock=lock,
            storage_options=storage_options,
            filesystem=filesystem,
            mirror=mirror,
            mirror_options=mirror_options,
            mirror_required=mirror_required,
            keys=provider_of(encryption),
            is_read_only=read_only,
            mode=mode,
        )
        if on_corrupt not in ("raise", "previous"):
            raise ValueError(f"on_corrupt={on_corrupt!r}: use 'raise' or 'previous'")
        self._on_corrupt = on_corrupt
        self._on_load = on_load
        self._on_event = on_event
        self._lock_timeout_seconds = lock_timeout_seconds
        self._on_conflict = on_conflict
        self._ttl = TimeToLive.of(ttl)
        self._read_at: dict[str, float] = {}
        interval = self._ttl.sweep_interval
        self._sweeper = Sweeper(interval.total_seconds()) if interval else None
        self._rule = MetadataRule(metadata_include, metadata_exclude)
        self._twins = Twins(max_workers)
        if not is_on_event_loop():
            self._root.open()

    @classmethod
    def from_conn_string(cls, url: str, **options: Any) -> Self:
        """Make a saver from a path or URL, with the constructor's options; for symmetry with the other savers."""
        return cls(url, **options)

    @property
    def _repository(self) -> Repository:
        return self._root.open()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._root})"

    def setup(self) -> None:
        """Do nothing: there is nothing to set up. It may be called any number of times."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._sweeper is not None:
            self._sweeper.stop()
        self._twins.shutdown()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    # --- writing

    @observed(thread_of_config)
    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint and return the config that names it.

        Args:
            config: The thread and namespace; `checkpoint_id` in it is the parent.
            checkpoint: LangGraph's checkpoint; every key of it is stored.
            metadata: Stored together with what LangGraph copies from the config, less credentials.
            new_versions: Versions that are new with this checkpoint. A channel that is not among them and holds the very
                object that was stored with its version before is not encoded again.

        Raises:
            SerializationError: A value cannot be stored; nothing was written.
            StorageError: The file cannot be written; what was there before is intact.
            LockTimeoutError: Somebody else has a lease of the thread (`thread_lock`), and kept it all the time.
            ConflictError: Somebody else has put a checkpoint since the parent was read, and this call had to wait for them,
                or the saver was made with `on_conflict="raise"`; or the caller's own lease was lost. See `on_conflict`.
        """
        thread_id, checkpoint_ns, parent_id = Address.of(config)
        others = cast("dict[str, Any]", checkpoint.copy())
        checkpoint_id, state = others.pop("id"), others.pop("channel_values")
        document = CheckpointDocument(
            checkpoint_ns=checkpoint_ns,
            checkpoint_id=checkpoint_id,
            parent_checkpoint_id=parent_id,
            state=state,
            metadata=self._rule.stored(config, metadata),
            checkpoint=others,
        )
        codec, root = Codec(self.serde), self._root
        is_strict = self._on_conflict == "raise" and not checkpoint_ns
        is_asked = was_asked((root.realm, thread_id, checkpoint_ns), parent_id)

        def attempt(has_waited: bool) -> None:  # noqa: FBT001 how `waiting_for` calls it
            is_checked = has_waited or is_strict
            publication = self._repository.publication(
                thread_id, document, is_checked=is_checked, is_asked=is_asked, run=run_of(config)
            )
            token = publication.fencing_token
            marked = document if token is None else replace(document, fencing_token=token)
            self._repository.put_checkpoint(
                thread_id, marked, lambda outgoing: codec.checkpoint_bytes(marked, outgoing, new_versions), publication
            )

        waiting_for(self._lock_timeout_seconds, attempt)
        if self._sweeper is not None:
            self._sweeper.start(self._sweep_in_background)
        return config_of(config["configurable"]["thread_id"], checkpoint_ns, checkpoint_id)

    @observed(thread_of_config)
    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote after a checkpoint, which may itself arrive later.

        The first value of a regular write stays, the last one of a special write (error, interrupt, resume) counts, so
        repeating a call changes nothing.

        Raises:
            SerializationError: A value cannot be stored; nothing was written.
            StorageError: The file cannot be written; what was there before is intact.
            LockTimeoutError: Somebody else has a lease of the thread (`thread_lock`), and kept it all the time.
            ConflictError: This call had to wait for somebody else, who has gone on from the checkpoint; or the caller's own
                lease was lost.
        """
        thread_id, checkpoint_ns, checkpoint_id = Address.of(config)
        if not writes:
            return
        document = WritesDocument(
            checkpoint_ns=checkpoint_ns,
            checkpoint_id=checkpoint_id or "",
            task_id=task_id,
            task_path=task_path,
            run_id=run_id_of(config),
            writes=tuple(
                StoredWrite(WRITES_IDX_MAP.get(channel, index), channel, value)
                for index, (channel, value) in enumerate(writes)
            ),
        )
        codec = Codec(self.serde)
        is_asked = was_asked((self._root.realm, thread_id, checkpoint_ns), checkpoint_id)

        def attempt(has_waited: bool) -> None:  # noqa: FBT001 how `waiting_for` calls it
            publication = self._repository.publication(
                thread_id, document, is_checked=has_waited, is_asked=is_asked, run=run_of(config)
            )
            token = publication.fencing_token
            marked = document if token is None else replace(document, fencing_token=token)
            self._repository.put_writes(
                thread_id, marked, lambda outgoing: codec.writes_bytes(marked, outgoing), publication
            )

        waiting_for(self._lock_timeout_seconds, attempt)

    @contextlib.contextmanager
    def open_artifact(
        self, config: RunnableConfig, name: str, *, media_type: str | None = None
    ) -> Iterator[ArtifactWriter]:
        """Write an artifact of the thread piece by piece, without ever holding all of it in memory.

        When the block has ended, `artifact` of what it was given is the handle to put into the state. A block that raises
        leaves nothing. An artifact that does not come into a stored state is garbage after its grace period.

        Args:
            config: The thread.
            name: The file's name, such as `video.mp4`.
            media_type: Its media type; by default what the name tells.

        Raises:
            StorageError: It cannot be written.

        Example:
            >>> with saver.open_artifact(config, "video.mp4") as file:
            ...     shutil.copyfileobj(download, file)
            >>> state = {"video": file.artifact}
        """
        writer = self._repository.open_artifact(Address.of(config).thread_id, name, media_type)
        try:
            yield writer
            writer.finish()
        finally:
            writer.release()

    def get_next_version(self, current: Any | None, channel: None) -> Any:  # noqa: ARG002 deprecated by LangGraph
        """Return a version greater than `current`, with a random part so that two forks never share one.

        A str stays a str (`00…02.4711…`) and a number stays a number: LangGraph takes the maximum over the versions of a
        checkpoint, so their types must not mix in a thread that another saver began.
        """
        if isinstance(current, (int, float)):
            return int(current) + 1 + random.random()  # noqa: S311 no secret: it only tells forks apart
        number = 0 if current is None else int(current.split(".")[0])
        return f"{number + 1:032}.{random.random():016}"  # noqa: S311
