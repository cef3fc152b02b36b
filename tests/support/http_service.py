"""A web service on loopback, for tests of what answers are taken for."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator


class QuietHandler(http.server.BaseHTTPRequestHandler):
    """Prints nothing about requests."""

    def log_message(self, *_: object) -> None: ...


@contextlib.contextmanager
def serving(handler: type[QuietHandler]) -> Iterator[str]:
    """The address of a service with this handler, until the end of the block."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
