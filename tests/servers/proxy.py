"""A proxy before an HTTP server, on 127.0.0.1, with faults that a test switches on.

It knows where a request and its answer begin and end (keep-alive, `Expect: 100-continue`, chunked bodies), for a fault
concerns one request: cut before the server hears of it, or after the server acted and before the client knows. It holds a
request and its answer in memory, asks the server over a connection of its own each time, and never repeats a request.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, Literal
from urllib.parse import urlsplit

from typing_extensions import Self

__all__ = ["Fault", "Proxy", "Request"]

_HOST = "127.0.0.1"
_ERROR = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>{0}</Code><Message>{0}</Message></Error>"
_REFUSALS = {"slow_down": (503, "SlowDown"), "conflict": (409, "ConditionalRequestConflict")}
_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Request:
    """What a client asked for; the body is not kept."""

    method: str
    path: str


@dataclass
class Fault:
    """What goes wrong with the next requests that match.

    Attributes:
        kind: `cut_before` ends the connection before the server hears of the request; `cut_after` once the server acted,
            before the client hears of it; `slow_down` answers 503 for the server, `conflict` 409 as S3 does where two conditional
            writes meet; `delay` lets the answer wait.
        when: Which requests; all by default.
        times: How many of them; None for all.
        seconds: How long an answer waits.
        struck: The requests it struck.
    """

    kind: Literal["cut_before", "cut_after", "slow_down", "conflict", "delay"]
    when: Callable[[Request], bool] = lambda request: True
    times: int | None = 1
    seconds: float = 0.0
    struck: list[Request] = field(default_factory=list)


@dataclass
class _Message:
    head: bytes
    body: bytes
    last: bool  # the sender closes the connection after it


class Proxy:
    """Passes HTTP on to a server, and fails as it is told to; a context manager.

    Args:
        endpoint: The server's address, as in `http://127.0.0.1:9000`.

    Attributes:
        requests: What was asked so far, failed requests included.
    """

    def __init__(self, endpoint: str) -> None:
        server = urlsplit(endpoint)
        self._server = (server.hostname or _HOST, server.port or 80)
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self.requests: list[Request] = []
        self._connections: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._closing = threading.Event()
        self._port = 0
        self._listener: socket.socket | None = None
        self.accept()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    @property
    def endpoint(self) -> str:
        """The address that clients use in place of the server's."""
        return f"http://{_HOST}:{self._port}"

    def add(self, fault: Fault) -> Fault:
        """Let something go wrong from now on; of several faults that match a request, the one added first strikes."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def heal(self) -> None:
        """Forget all faults; an answer that waits goes on waiting."""
        with self._lock:
            self._faults.clear()

    def count(self, method: str | None = None, when: Callable[[Request], bool] = lambda request: True) -> int:
        """Count the requests so far."""
        with self._lock:
            return sum(method in (None, request.method) and when(request) for request in self.requests)

    def refuse(self) -> None:
        """Be a server that is down: cut all connections and refuse new ones."""
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            self._listener.close()
            self._listener = None
        with self._lock:
            connections = list(self._connections)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def accept(self) -> None:
        """Be there (again), at the same address."""
        if self._listener is None:
            self._listener = socket.create_server((_HOST, self._port))
            self._port = self._listener.getsockname()[1]
            self._spawn(self._listen, self._listener)

    def close(self) -> None:
        """End it, its connections and its threads."""
        self._closing.set()
        self.refuse()
        for thread in self._threads:
            thread.join(_TIMEOUT_SECONDS)

    def _spawn(self, work: Callable[[socket.socket], None], connection: socket.socket) -> None:
        thread = threading.Thread(target=work, args=(connection,), name="proxy", daemon=True)
        with self._lock:
            self._threads = [other for other in self._threads if other.is_alive()]
            self._threads.append(thread)
            thread.start()

    def _listen(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:  # closed by `refuse`
                return
            self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with self._known(client), client.makefile("rb") as incoming, contextlib.suppress(OSError):
            client.settimeout(_TIMEOUT_SECONDS)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (asked := _read_request(incoming, client)) is not None:
                answer = self._answer(asked)
                if answer is None:
                    return
                client.sendall(answer.head + answer.body)
                if answer.last or asked.last:
                    return

    def _answer(self, asked: _Message) -> _Message | None:
        """Return the answer to give, or None to cut the connection."""
        method, path, _ = asked.head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        fault = self._note(Request(method, path))
        kind = fault.kind if fault else None
        if kind == "cut_before":
            return None
        if kind in _REFUSALS:
            status, code = _REFUSALS[kind]
            body = b"" if method == "HEAD" else _ERROR.format(code).encode()
            head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: "
            return _Message(f"{head}{len(body)}\r\n\r\n".encode(), body, last=False)
        answer = self._ask(asked, method)
        if fault and kind == "delay":
            self._closing.wait(fault.seconds)
        return None if kind == "cut_after" else answer

    def _note(self, request: Request) -> Fault | None:
        with self._lock:
            self.requests.append(request)
            for fault in self._faults:
                if (fault.times is None or len(fault.struck) < fault.times) and fault.when(request):
                    fault.struck.append(request)
                    return fault
        return None

    def _ask(self, asked: _Message, method: str) -> _Message:
        server = socket.create_connection(self._server, _TIMEOUT_SECONDS)
        with self._known(server), server.makefile("rb") as incoming:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.sendall(asked.head + asked.body)
            return _read_answer(incoming, method)

    @contextlib.contextmanager
    def _known(self, connection: socket.socket) -> Iterator[None]:
        """Have `refuse` cut a connection, and close it at the end."""
        with self._lock:
            self._connections.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._connections.discard(connection)
            connection.close()


def _read_request(incoming: BinaryIO, client: socket.socket) -> _Message | None:
    head = _read_head(incoming)
    if not head:
        return None
    if _value(head, b"expect").lower() == b"100-continue":
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")  # for the server, which then is not asked to
        head = b"".join(line for line in head.splitlines(keepends=True) if not line.lower().startswith(b"expect:"))
    body = _read_chunks(incoming) if _chunked(head) else _exactly(incoming, int(_value(head, b"content-length") or 0))
    return _Message(head, body, last=_value(head, b"connection").lower() == b"close")


def _read_answer(incoming: BinaryIO, method: str) -> _Message:
    head = _read_head(incoming)
    while head.split(b" ", 2)[1:2] == [b"100"]:
        head = _read_head(incoming)
    if not head:
        raise ConnectionError("the server closed the connection without an answer")
    last = _value(head, b"connection").lower() == b"close"
    length = _value(head, b"content-length")
    if method == "HEAD" or head.split(b" ", 2)[1] in (b"204", b"304"):
        return _Message(head, b"", last)
    if _chunked(head):
        return _Message(head, _read_chunks(incoming), last)
    if length:
        return _Message(head, _exactly(incoming, int(length)), last)
    return _Message(head, incoming.read(), last=True)


def _read_head(incoming: BinaryIO) -> bytes:
    """Read up to and with the empty line; nothing where the sender closed the connection."""
    lines = []
    while line := incoming.readline():
        lines.append(line)
        if line == b"\r\n":
            return b"".join(lines)
    return b""


def _read_chunks(incoming: BinaryIO) -> bytes:
    """Read a chunked body as it is, its trailers included."""
    parts: list[bytes] = []
    while True:
        size_line = incoming.readline()
        size = int(size_line.split(b";", 1)[0], 16)
        if size == 0:
            return b"".join([*parts, size_line, _read_head(incoming)])
        parts += [size_line, _exactly(incoming, size + 2)]


def _exactly(incoming: BinaryIO, size: int) -> bytes:
    data = incoming.read(size)
    if len(data) < size:
        raise ConnectionError("the connection ended inside a body")
    return data


def _value(head: bytes, name: bytes) -> bytes:
    for line in head.split(b"\r\n")[1:]:
        key, _, value = line.partition(b":")
        if key.strip().lower() == name:
            return value.strip()
    return b""


def _chunked(head: bytes) -> bool:
    return _value(head, b"transfer-encoding").lower().endswith(b"chunked")
