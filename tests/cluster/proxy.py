"""A proxy on loopback in front of a server, which fails single requests and counts what moves."""

from __future__ import annotations

import contextlib
import http.client
import http.server
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

#: What is done to a request: nothing, an answer with this status, or `reset`: the connection is closed before
#: anything is done, `lost`: it is closed after that, `slow`: the answer comes after some seconds.
Fault = str | int | None
SLOW_SECONDS = 3.0


class Proxy:
    """`plan` gives the fault of each request, from its number (from 1) and its method."""

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.plan: Callable[[int, str], Fault] = lambda _number, _method: None
        self.requests: list[str] = []
        #: Bytes of answers to GET.
        self.moved = 0
        self.url = ""

    def begin(self, plan: Callable[[int, str], Fault]) -> None:
        """Counts from 1 again."""
        self.plan, self.requests, self.moved = plan, [], 0


@contextlib.contextmanager
def proxy_of(target: str) -> Iterator[Proxy]:
    """A running proxy of the server at this address."""
    proxy = Proxy(target)

    class Handler(_Handler):
        own = proxy

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A connection that is reset on purpose is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield proxy
        finally:
            server.shutdown()


class _Handler(http.server.BaseHTTPRequestHandler):
    own: Proxy
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""

    def _handle(self) -> None:
        body = self._body()
        self.own.requests.append(self.command)
        fault = self.own.plan(len(self.own.requests), self.command)
        if isinstance(fault, int):
            self._answer(fault, [], b"<Error><Code>SlowDown</Code></Error>")
            return
        if fault == "slow":
            time.sleep(SLOW_SECONDS)
        if fault != "reset":
            upstream = http.client.HTTPConnection(self.own.target.netloc)
            try:
                headers = {name: value for name, value in self.headers.items() if name != "Transfer-Encoding"}
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                data = answer.read()
            finally:
                upstream.close()
        if fault in ("reset", "lost"):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        if self.command == "GET":
            self.own.moved += len(data)
        length = answer.getheader("Content-Length")
        self._answer(answer.status, answer.getheaders(), data, length if self.command == "HEAD" else None)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            found += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return found

    def _answer(
        self, status: int, headers: list[tuple[str, str]], data: bytes, length: str | None = None
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = _handle  # noqa: N815
