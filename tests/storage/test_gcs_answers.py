"""What the answers of Google Cloud Storage are taken for, and those of what is in front of it."""

from __future__ import annotations

import contextlib
import errno
import json
from collections.abc import Iterator

import pytest

from tests.support.http_service import QuietHandler, serving
from transforms.storage.objects import bucket
from transforms.storage.places import store_of

_OBJECT = {"name": "a/CURRENT", "size": "3", "generation": "7", "updated": "2026-01-01T00:00:00.000Z"}


@contextlib.contextmanager
def _service(listed: list[dict[str, str]], not_found: int) -> Iterator[str]:
    """A bucket that lists these objects, and answers 404 to the first requests for the state of one."""
    left = [not_found]

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            is_list = self.path.split("?")[0].endswith("/o")
            is_found = is_list or left[0] <= 0
            left[0] -= not is_list
            body = json.dumps({"items": listed} if is_list else _OBJECT) if is_found else "not found"
            self.send_response(200 if is_found else 404)
            self.send_header("Content-Type", "application/json" if is_found else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    with serving(Handler) as address:
        try:
            yield address
        finally:
            bucket.client_of.cache_clear()


def test_a_404_for_an_object_that_is_listed_is_no_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway gives one while the store restarts: taken for an absent catalog, all versions are removed."""
    with _service([_OBJECT], 9) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        with pytest.raises(OSError, match="lists the object") as caught:
            store_of("gs://bucket/a").stat("CURRENT")
    assert caught.value.errno == errno.EAGAIN


def test_an_object_that_is_found_at_the_second_try_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another command wrote it between the request and the listing."""
    with _service([_OBJECT], 1) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        assert store_of("gs://bucket/a").stat("CURRENT").size == 3


@pytest.mark.parametrize("listed", [[], [{**_OBJECT, "name": "a/CURRENT.old"}]])
def test_an_object_that_is_not_listed_is_absent(
    monkeypatch: pytest.MonkeyPatch, listed: list[dict[str, str]]
) -> None:
    """Nor if another name begins with its own."""
    with _service(listed, 9) as address:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", address)
        with pytest.raises(FileNotFoundError):
            store_of("gs://bucket/a").stat("CURRENT")
