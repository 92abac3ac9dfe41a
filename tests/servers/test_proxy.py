"""The proxy's faults are what they say, seen from a raw client and through s3fs."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import fsspec
import pytest

from tests.servers.proxy import Fault, Proxy, Request
from tests.servers.server import Server


class _Echo(BaseHTTPRequestHandler):
    """Answers with the body it got, chunked if the path says so, and notes each request."""

    protocol_version = "HTTP/1.1"
    asked: list[tuple[str, str, bytes]] = []  # noqa: RUF012 - one server at a time, cleared by the fixture

    def _echo(self) -> None:
        body = self._body()
        self.asked.append((self.command, self.path, body))
        self.send_response(200)
        if self.path == "/chunked":
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    do_GET = do_PUT = do_HEAD = do_DELETE = _echo  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        """Say nothing."""


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy before a server that echoes."""
    _Echo.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with Proxy(f"http://127.0.0.1:{server.server_port}") as proxy:
            yield proxy
        server.shutdown()
        thread.join()


@pytest.fixture
def client(proxy: Proxy) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection(proxy.endpoint.removeprefix("http://"), timeout=10)
    yield connection
    connection.close()


def _ask(
    client: http.client.HTTPConnection, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, bytes]:
    client.request(method, path, body, headers)
    answer = client.getresponse()
    return answer.status, answer.read()


def test_requests_of_one_connection_are_told_apart(proxy: Proxy, client: http.client.HTTPConnection) -> None:
    """Requests with and without bodies on one kept connection are passed on whole, and counted by method and path."""
    assert _ask(client, "PUT", "/a", b"x" * 100_000) == (200, b"x" * 100_000)
    first = client.sock
    assert _ask(client, "HEAD", "/a") == (200, b"")
    assert _ask(client, "GET", "/b") == (200, b"")
    assert client.sock is first
    assert (proxy.count(), proxy.count("PUT"), proxy.count(when=lambda request: request.path == "/a")) == (3, 1, 2)
    assert proxy.requests == [Request("PUT", "/a"), Request("HEAD", "/a"), Request("GET", "/b")]


def test_chunked_bodies_pass_whole_both_ways(client: http.client.HTTPConnection) -> None:
    """A chunked request and a chunked answer arrive as sent, and the connection stays in step after them."""
    assert _ask(client, "PUT", "/chunked", iter([b"ab", b"cde"])) == (200, b"abcde")
    assert _ask(client, "PUT", "/a", b"next") == (200, b"next")


def test_a_client_that_waits_for_100_continue_gets_it(client: http.client.HTTPConnection) -> None:
    """The proxy says 100 Continue itself; the server sees an ordinary request."""
    client.putrequest("PUT", "/a")
    client.putheader("Expect", "100-continue")
    client.putheader("Content-Length", "4")
    client.endheaders()
    assert client.sock.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.send(b"body")
    answer = client.getresponse()
    assert (answer.status, answer.read()) == (200, b"body")


def test_cut_before_leaves_the_server_unasked(proxy: Proxy, client: http.client.HTTPConnection) -> None:
    """The client sees its connection end and the server saw nothing; the next request passes."""
    fault = proxy.add(Fault("cut_before"))
    with pytest.raises(ConnectionError):
        _ask(client, "PUT", "/a", b"1")
    assert (_Echo.asked, fault.struck) == ([], [Request("PUT", "/a")])
    assert _ask(client, "PUT", "/a", b"2") == (200, b"2")


def test_cut_after_lets_the_server_act(proxy: Proxy, client: http.client.HTTPConnection) -> None:
    """The client sees its connection end although the server did what was asked."""
    proxy.add(Fault("cut_after"))
    with pytest.raises(ConnectionError):
        _ask(client, "PUT", "/a", b"1")
    assert _Echo.asked == [("PUT", "/a", b"1")]


def test_slow_down_answers_for_the_server(proxy: Proxy, client: http.client.HTTPConnection) -> None:
    """As many matching requests as told get 503 SlowDown, on a connection that stays usable; others pass."""
    proxy.add(Fault("slow_down", when=lambda request: request.method == "PUT", times=2))
    assert _ask(client, "GET", "/a")[0] == 200
    for _ in range(2):
        status, body = _ask(client, "PUT", "/a", b"1")
        assert status == 503
        assert b"<Code>SlowDown</Code>" in body
    assert _ask(client, "PUT", "/a", b"3") == (200, b"3")


def test_a_delay_lets_the_answer_wait(proxy: Proxy, client: http.client.HTTPConnection) -> None:
    """The answer comes as late as told, and not before; the server acted at once."""
    proxy.add(Fault("delay", seconds=0.2))
    begun = time.monotonic()
    assert _ask(client, "PUT", "/a", b"1") == (200, b"1")
    assert time.monotonic() - begun >= 0.2


def test_closing_waits_for_no_delay(proxy: Proxy, client: http.client.HTTPConnection) -> None:
    """A proxy that is closed ends its threads at once, whatever answer waits in them."""
    proxy.add(Fault("delay", seconds=60))
    client.request("GET", "/a")
    while not _Echo.asked:  # bounded by the test's time limit
        threading.Event().wait(0.005)
    begun = time.monotonic()
    proxy.close()
    assert time.monotonic() - begun < 10
    assert not [thread for thread in threading.enumerate() if thread.name == "proxy"]


def test_refusing_is_a_server_that_is_down(proxy: Proxy, client: http.client.HTTPConnection) -> None:
    """Kept connections end, new ones are refused, and both work again at the same address afterwards."""
    assert _ask(client, "GET", "/a")[0] == 200
    proxy.refuse()
    with pytest.raises(ConnectionError):
        _ask(client, "GET", "/a")
    client.close()
    with pytest.raises(ConnectionRefusedError):
        _ask(client, "GET", "/a")
    client.close()
    proxy.accept()
    assert _ask(client, "GET", "/a")[0] == 200


def test_healing_forgets_faults(proxy: Proxy, client: http.client.HTTPConnection) -> None:
    """A fault without an end strikes until the proxy is healed."""
    fault = proxy.add(Fault("slow_down", times=None))
    assert [_ask(client, "GET", "/a")[0] for _ in range(3)] == [503] * 3
    proxy.heal()
    assert _ask(client, "GET", "/a")[0] == 200
    assert len(fault.struck) == 3


def _through(server: Server, proxy: Proxy) -> Any:
    """An fsspec filesystem that reaches a server by way of a proxy, and does not try again by itself."""
    options = dict(server.storage_options)
    options["client_kwargs"] = {"endpoint_url": proxy.endpoint}
    return fsspec.filesystem("s3", skip_instance_cache=True, config_kwargs={"retries": {"max_attempts": 0}}, **options)


@pytest.mark.parametrize("kind", ["radosgw", "moto"])
def test_s3_works_through_the_proxy(kind: str, request: pytest.FixtureRequest) -> None:
    """Signatures, headers and bodies survive: a file written, listed, read and deleted; one PUT is one request."""
    server: Server = request.getfixturevalue(kind)
    with Proxy(str(server.endpoint)) as proxy:
        fs, root = _through(server, proxy), server.new_root()
        fs.pipe_file(f"{root}/a.json", b"{}")
        assert proxy.count("PUT") == 1
        assert [name.rsplit("/", 1)[1] for name in fs.ls(root, refresh=True)] == ["a.json"]
        assert fs.cat_file(f"{root}/a.json") == b"{}"
        fs.rm_file(f"{root}/a.json")
        assert not server.filesystem().exists(f"{root}/a.json")


def test_an_ambiguous_create_of_s3_has_landed(radosgw: Server) -> None:
    """Cut after the gateway acted, s3fs tries again and meets its own object: it reports a conflict with itself."""
    with Proxy(str(radosgw.endpoint)) as proxy:
        fs, key = _through(radosgw, proxy), f"{radosgw.new_root()}/claim"
        proxy.add(Fault("cut_after", when=lambda request: request.method == "PUT"))
        with pytest.raises(OSError) as caught:  # noqa: PT011 - its message is empty, its cause says what
            fs.pipe_file(key, b"mine", mode="create")
        assert caught.value.__cause__.response["Error"]["Code"] == "PreconditionFailed"  # type: ignore[union-attr]
        assert proxy.count("PUT") == 2
        assert radosgw.filesystem().cat_file(key) == b"mine"
