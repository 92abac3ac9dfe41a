"""The commands for encrypted stores: keygen, rekey, and cat, which shows a file of any store as it is inside."""

from __future__ import annotations

import os
import sys

import click

from langgraph_filesaver import _layout as layout
from langgraph_filesaver._crypt import ENVIRONMENT_VARIABLE, EncryptionKey
from langgraph_filesaver._rekeying import RekeyReport
from langgraph_filesaver.cli.call import Call, command, repository_of
from langgraph_filesaver.cli.files import write_file
from langgraph_filesaver.cli.names import require_thread, thread_argument
from langgraph_filesaver.cli.plans import dry_run_option
from langgraph_filesaver.cli.screen import progress, silence
from langgraph_filesaver.cli.text import one_line, size
from langgraph_filesaver.config import COPY_BLOCK_BYTES
from langgraph_filesaver.errors import NotFoundError, StorageError

__all__ = ["cat", "keygen", "rekey"]


@command(
    "cat",
    "A file as it is inside, decrypted.",
    "cat ./checkpoints/research-42/checkpoints/_root/1f0c8a11-5b2e-6d04-8001-3f9c27a1d55e.json",
    "cat --root s3://bucket/agents research-42/thread.json",
)
@click.argument("file", metavar="FILE")
def cat(call: Call, *, file: str) -> None:
    """Write a file of a store to standard output, decrypted where it is encrypted. FILE is a path, or a key inside the root."""
    root, key = _place(call, file)
    saver = Call(root, call.storage_options, call.is_json, call.lock, call.key_file).saver()
    store = repository_of(saver).store
    content = store.open(key)
    if content is None:
        raise NotFoundError(f"{store.describe(key)}: there is no such file", wanted=file)
    try:
        with content:
            while block := content.read(COPY_BLOCK_BYTES):
                sys.stdout.buffer.write(block)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        silence(sys.stdout)
        raise
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        raise StorageError.from_os_error(error, action="write", path="standard output") from error


def _place(call: Call, file: str) -> tuple[str | None, str]:
    """Return the root and the key of a file: a path says both, where a store is above it."""
    if call.root is None or os.path.exists(file):
        path = os.path.abspath(file)
        folder = os.path.dirname(path)
        while folder != os.path.dirname(folder):
            if os.path.isfile(os.path.join(folder, layout.STORE_DOCUMENT)):
                return folder, os.path.relpath(path, folder).replace(os.sep, "/")
            folder = os.path.dirname(folder)
        if call.root is None:
            raise click.UsageError(
                f"{file} lies in no store of threads: no folder above it holds {layout.STORE_DOCUMENT}"
            )
    if file.startswith("/") or ".." in file.split("/"):
        raise click.UsageError(f"{file!r} is no key inside the root: give one such as research-42/thread.json")
    return call.root, file


@command("keygen", "Make a key.", "keygen ./agents.key")
@click.argument("path", metavar="FILE")
def keygen(call: Call, *, path: str) -> None:
    """Make a random key and write it to a new FILE that only you may read. Who loses it loses what was encrypted with it."""
    if os.path.lexists(path):
        raise click.UsageError(
            f"{path} is there already: give a new file, for what is encrypted with its keys needs them"
        )
    key = EncryptionKey.generate()
    write_file(path, f"{key.text()}\n".encode("ascii"), mode=0o600)
    told = f"wrote {path} (key {key.id}): give it as FileSaver(…, encryption=Path({path!r})), or its line as {ENVIRONMENT_VARIABLE}"
    call.answer({"file": path, "key_id": key.id}, one_line(told))


@command(
    "rekey", "Use the current key for all files.", "rekey --key-file ./agents.key", "rekey research-42", has_locks=True
)
@thread_argument(metavar="[THREAD]", is_required=False)
@dry_run_option
def rekey(call: Call, *, thread_id: str | None, dry_run: bool) -> None:
    """Encrypt with the first key of the key file, or of the variable, all files that have another one, so that the others can go.

    Put the new key before the old ones first. A call that was ended early is completed by the next one.
    """
    saver = call.saver()
    if thread_id is not None:
        require_thread(saver, thread_id)
    repository = repository_of(saver)
    if not repository.store.keyed_names:
        raise click.UsageError(f"{repository.store.describe('')} is not encrypted: there is no key to change")
    wanted = repository.thread_ids() if thread_id is None else [thread_id]
    reports = []
    with progress("looking" if dry_run else "encrypting", len(wanted)) as advance:
        for each in wanted:
            reports.append(saver.rekey(each, dry_run=dry_run))
            advance()
    found = RekeyReport.sum(reports)
    value = {
        "dry_run": dry_run,
        "threads": found.threads,
        "files": found.files,
        "bytes": found.bytes,
        "kept": found.kept,
    }
    verb = "would encrypt" if dry_run else "encrypted"
    shown = f"{verb} {found.files:,} files again, {size(found.bytes)}; {found.kept:,} have the current key"
    call.answer(value, shown if found.files else f"all {found.kept:,} files have the current key")
