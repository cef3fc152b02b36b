"""Answers of a service that speaks S3, and settings for it, as errors of one line."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

import pytest

from schemas.errors import ConfigError
from tests.support.http_service import QuietHandler, serving
from transforms.storage.objects import bucket
from transforms.storage.places import store_of

_CODES = {
    "NoSuchKey": (404, errno.ENOENT),
    "NoSuchBucket": (404, errno.ENODEV),
    "InvalidAccessKeyId": (403, errno.EACCES),
    "XAdminUserNotFound": (404, errno.EACCES),
    "InvalidToken": (400, errno.EACCES),
    "AuthorizationHeaderMalformed": (400, errno.EINVAL),
}


@contextlib.contextmanager
def _service(status: int, body: str) -> Iterator[str]:
    """A service that gives the same answer to every request."""

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body.encode())

        do_HEAD = do_GET  # noqa: N815

    with serving(Handler) as address:
        yield address


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "madeup")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "madeup")
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    bucket.client_of.cache_clear()
    yield
    bucket.client_of.cache_clear()


def _error(monkeypatch: pytest.MonkeyPatch, status: int, body: str, call: str) -> OSError:
    with _service(status, body) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(OSError, match=r".") as caught:
            getattr(store_of("s3://bucket/a"), call)("CURRENT")
    assert "127.0.0.1" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize("call", ["read", "stat", "open"])
@pytest.mark.parametrize("code", _CODES)
def test_the_code_of_the_answer_tells(monkeypatch: pytest.MonkeyPatch, code: str, call: str) -> None:
    """Whether an object is absent, or credentials, region or bucket are wrong."""
    status, number = _CODES[code]
    error = _error(monkeypatch, status, f"<Error><Code>{code}</Code></Error>", call)
    assert error.errno == number


@pytest.mark.parametrize("call", ["read", "stat", "open"])
@pytest.mark.parametrize("body", ["", "<html>404 page not found</html>", "<Error><Code>Other</Code></Error>"])
def test_a_404_that_is_not_of_the_store_is_no_absence(
    monkeypatch: pytest.MonkeyPatch, body: str, call: str
) -> None:
    """A gateway gives one while the store restarts: taken for an absent catalog, all versions are removed."""
    error = _error(monkeypatch, 404, body, call)
    assert not isinstance(error, FileNotFoundError)
    assert error.errno == errno.EIO


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_ENDPOINT_URL", "not a url"),
        ("AWS_ENDPOINT_URL", "file:///etc"),
        ("AWS_ENDPOINT_URL", "localhost:9000"),
        ("AWS_ENDPOINT_URL", "http://[::1"),
        ("AWS_ENDPOINT_URL", "http://host:65536"),
        ("AWS_ENDPOINT_URL", "http://user:sesame@host"),
        ("AWS_ACCESS_KEY_ID", "madeup\nsesame"),
        ("AWS_SESSION_TOKEN", "sésame"),
        ("AWS_REGION", "se same"),
    ],
)
def test_settings_that_cannot_be_sent_are_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    """The library would end with a trace of its own, after which the command neither removes nor explains."""
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=rf"^s3://: {name} .*") as caught:
        store_of("s3://bucket/a").read("CURRENT")
    assert value not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_empty_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of a manifest whose value is missing."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "")
    with pytest.raises(ConfigError, match="AWS_ENDPOINT_URL is not an address"):
        store_of("s3://bucket/a").read("CURRENT")
