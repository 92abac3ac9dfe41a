"""S3 and what speaks its language, by s3fs: each verb is the one request that it needs, with its conditions.

s3fs's own verbs would list a folder's parent to see whether the folder is a file, keep listings for ever, and repeat a
conditional put that has already succeeded. So its client is called directly (`call_s3`), and asked to try once.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

from fsspec.asyn import sync

from langgraph_filesaver._store.base import Versioned
from langgraph_filesaver._store.remote.driver import Condition, ConditionError, Driver, Head, Item, TransientError
from langgraph_filesaver._store.remote.faults import explained, is_condition, is_missing, is_transient
from langgraph_filesaver.config import REQUEST_SECONDS, SLOWEST_BYTES_PER_SECOND
from langgraph_filesaver.errors import StorageError

__all__ = ["S3Driver", "own_options"]

T = TypeVar("T")

_MOST_DELETED = 1000  # S3's own bound of one request
_PART_BYTES = 16 * 1024 * 1024
_LARGE_BYTES = 64 * 1024 * 1024


def own_options(given: dict[str, Any]) -> dict[str, Any]:
    """Return the options for a filesystem of our own: no caches, and botocore tries once, for `Requests` tries again."""
    config = {
        "connect_timeout": REQUEST_SECONDS / 2,
        "read_timeout": REQUEST_SECONDS * 2,
        "retries": {"total_max_attempts": 1},
        "max_pool_connections": 64,
        **given.get("config_kwargs", {}),
    }
    return {"use_listings_cache": False, **given, "config_kwargs": config, "skip_instance_cache": True}


class S3Driver(Driver):
    """Objects in buckets.

    Args:
        fs: An `s3fs.S3FileSystem`.
        is_own: Whether nobody else uses it, so that it may be told to try once.
    """

    can_swap = True
    may_have_repeated = True  # by aiohttp, which sends a PUT again over another connection where a kept one was cut

    def __init__(self, fs: Any, *, is_own: bool) -> None:
        super().__init__(fs)
        self._is_own = is_own

    def _call(self, work: Callable[[], Coroutine[Any, Any, T]], *, size: int = 0) -> T:
        fs = self.fs
        if self._is_own:
            fs.retries = 1
        seconds = REQUEST_SECONDS + size / SLOWEST_BYTES_PER_SECOND
        try:
            found: T = sync(fs.loop, work, timeout=seconds)
        except Exception as error:
            if is_condition(error):
                raise ConditionError(explained(error)) from error
            if is_transient(error):
                raise TransientError(explained(error)) from error
            raise
        return found

    def _place(self, path: str) -> dict[str, str]:
        bucket, _, key = path.partition("/")
        return {"Bucket": bucket, "Key": key}

    def get(self, path: str) -> Versioned | None:
        """GET the object."""
        return self._get(path, {})

    def get_range(self, path: str, start: int, end: int) -> bytes | None:
        """GET a range of it."""
        if start >= end:
            return b""
        found = self._get(path, {"Range": f"bytes={start}-{end - 1}"})
        return None if found is None else found.data

    def _get(self, path: str, how: dict[str, str]) -> Versioned | None:
        async def read() -> bytes:
            async with answer["Body"] as body:
                return bytes(await body.read())

        try:  # in two steps, for only the head of the answer tells how long the rest may take
            answer = self._call(lambda: self.fs._call_s3("get_object", **self._place(path), **how))  # noqa: SLF001 see the module's text
            return Versioned(self._call(read, size=answer["ContentLength"]), _unquoted(answer["ETag"]))
        except OSError as error:
            if is_missing(error):
                return None
            raise

    def head(self, path: str) -> Head | None:
        """HEAD the object."""

        async def work() -> Head:
            fs = self.fs
            answer = await fs._call_s3("head_object", **self._place(path))  # noqa: SLF001
            return Head(answer["ContentLength"], answer["LastModified"].timestamp(), _unquoted(answer["ETag"]))

        try:
            return self._call(work)
        except OSError as error:
            if is_missing(error):
                return None
            raise

    def put(self, path: str, data: bytes, condition: Condition) -> str:
        """PUT the object, with `If-None-Match` or `If-Match`."""
        when: dict[str, str] = {}
        if condition.is_absent:
            when["IfNoneMatch"] = "*"
        elif condition.version is not None:
            when["IfMatch"] = condition.version

        async def work() -> str:
            fs = self.fs
            answer = await fs._call_s3(  # noqa: SLF001
                "put_object", **self._place(path), Body=data, **when
            )
            return _unquoted(answer.get("ETag", ""))

        try:
            return self._call(work, size=len(data))
        except OSError as error:
            if condition.version is not None and is_missing(error):  # what should have that version is gone
                raise ConditionError(explained(error)) from error
            raise

    def upload(self, path: str, local_path: str) -> None:
        """PUT the file, in parts where it is large; the last request makes the object."""
        self._call(
            lambda: self.fs._put_file(local_path, path, chunksize=_PART_BYTES),  # noqa: SLF001
            size=1 << 40,  # a part that does not come on is told by the client's own timeouts
        )

    def copy(self, source: str, target: str) -> bool:
        """Let the server copy it."""

        async def work() -> None:
            await self.fs._cp_file(source, target)  # noqa: SLF001

        try:
            self._call(work, size=_LARGE_BYTES)
        except OSError as error:
            if is_missing(error):
                return False
            raise
        return True

    def delete(self, paths: Sequence[str]) -> None:
        """DELETE one, or many by requests of a thousand each."""
        for at in range(0, len(paths), _MOST_DELETED):
            self._delete(paths[at : at + _MOST_DELETED])

    def _delete(self, paths: Sequence[str]) -> None:
        bucket = paths[0].partition("/")[0]
        keys = [{"Key": path.partition("/")[2]} for path in paths]

        async def work() -> list[dict[str, str]]:
            fs = self.fs
            if len(keys) == 1:
                await fs._call_s3("delete_object", Bucket=bucket, Key=keys[0]["Key"])  # noqa: SLF001
                return []
            answer = await fs._call_s3(  # noqa: SLF001
                "delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True}
            )
            return list(answer.get("Errors", []))

        failed = self._call(work)
        if any(each.get("Code") in ("SlowDown", "InternalError", "ServiceUnavailable") for each in failed):
            raise TransientError(str(failed[0]))
        if failed:
            raise StorageError(f"{failed[0].get('Code')}: {failed[0].get('Message')}", path=failed[0].get("Key", ""))

    def scan(self, folder: str, *, deep: bool) -> list[Item]:
        """LIST the folder, a thousand objects a request."""
        bucket, _, key = folder.partition("/")
        prefix = f"{key}/" if key else ""
        how: dict[str, str] = {"Bucket": bucket, "Prefix": prefix}
        if not deep:
            how["Delimiter"] = "/"

        found: list[Item] = []
        while True:
            page = self._call(lambda: self.fs._call_s3("list_objects_v2", **how))  # noqa: SLF001
            found += (Item(each["Prefix"][len(prefix) : -1], is_folder=True) for each in page.get("CommonPrefixes", []))
            found += (
                Item(
                    each["Key"][len(prefix) :],
                    is_folder=False,
                    bytes=each["Size"],
                    modified_at=each["LastModified"].timestamp(),
                    version=_unquoted(each["ETag"]),
                )
                for each in page.get("Contents", [])
                if each["Key"] != prefix
            )
            if not page.get("IsTruncated"):
                return found
            how["ContinuationToken"] = page["NextContinuationToken"]


def _unquoted(etag: str) -> str:
    return etag.strip('"')
