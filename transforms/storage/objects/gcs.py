"""The requests to a bucket of Google Cloud Storage, by its own client: the JSON API.

Credentials come from the environment, as Google's libraries find them: `GOOGLE_APPLICATION_CREDENTIALS`, a
workload's identity, the metadata address. `STORAGE_EMULATOR_HOST` names another endpoint.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import functools
import io
import os
from collections.abc import Iterator
from typing import Any

import requests
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.exceptions import GoogleAuthError
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY

from transforms.storage.contract import Buffer, Stat
from transforms.storage.objects import bucket as limits
from transforms.storage.objects.bucket import ABSENT, Mismatch

_ERRORS = (
    *(exceptions.GoogleAPIError, GoogleAuthError, requests.RequestException),
    *(InvalidResponse, DataCorruption),
)
#: How often an object is read again because it was replaced between two requests.
_READINGS = 20


class GcsBucket:
    """See Bucket; identities are generations."""

    never = "1"

    def __init__(self, name: str) -> None:
        self._name = name

    @functools.cached_property
    def _bucket(self) -> Any:
        return storage.Client(project=None).bucket(self._name)

    def get(self, key: str) -> tuple[bytes, Stat]:
        """See Bucket."""
        for _ in range(_READINGS):
            stat = self.head(key)
            try:
                return bytes(self.get_range(key, 0, stat.size, stat.identity)) if stat.size else b"", stat
            except (Mismatch, FileNotFoundError):
                continue
        raise OSError(errno.EAGAIN, "is replaced all the time", f"gs://{self._name}/{key}")

    def get_range(self, key: str, start: int, end: int, identity: str) -> Buffer:
        """See Bucket."""
        with self._errors(key):
            # The object of this generation, or none: it is that of `head`, and no other.
            return self._bucket.blob(key, generation=int(identity)).download_as_bytes(  # type: ignore[no-any-return]
                start=start, end=end - 1, raw_download=True, checksum=None, retry=_retry(),
                timeout=_timeout(),
            )  # fmt: skip

    def head(self, key: str) -> Stat:
        """See Bucket. An object that the bucket lists is not absent: a gateway may answer 404 for it."""
        blob = self._bucket.blob(key)
        for is_last in (False, True):
            try:
                with self._errors(key):
                    blob.reload(retry=_retry(), timeout=_timeout())
                    return _stat(blob)
            except FileNotFoundError:
                # It may have been written in between; then it is found now.
                if not self._lists(key):
                    raise
                if is_last:
                    what = "the store lists the object and does not find it"
                    raise OSError(errno.EAGAIN, what, f"gs://{self._name}/{key}") from None
        raise AssertionError  # the last try returns or raises

    def _lists(self, key: str) -> bool:
        with self._errors(key):
            listed = self._bucket.list_blobs(prefix=key, max_results=1, retry=_retry(), timeout=_timeout())
            return any(blob.name == key for blob in listed)

    def put(self, key: str, data: Buffer, identity: str | None = None) -> None:
        """See Bucket."""
        with self._errors(key):
            condition = None if identity is None else int(identity) if identity != ABSENT else 0
            large = len(data) > limits.PART_BYTES
            blob = self._bucket.blob(key, chunk_size=limits.PART_BYTES if large else None)
            blob.upload_from_file(
                io.BytesIO(data), size=len(data), checksum="crc32c", if_generation_match=condition,
                retry=_retry() if condition is None else None, timeout=_timeout(),
            )  # fmt: skip

    def copy(self, key: str, target: str) -> None:
        """See Bucket."""
        with self._errors(key):
            source, token = self._bucket.blob(key), None
            while True:
                token, *_ = self._bucket.blob(target).rewrite(
                    source, token=token, retry=_retry(), timeout=_timeout()
                )
                if token is None:
                    return

    def delete(self, keys: list[str]) -> None:
        """See Bucket."""
        for key in keys:
            with contextlib.suppress(FileNotFoundError), self._errors(key):
                self._bucket.blob(key).delete(retry=_retry(), timeout=_timeout())

    def below(self, folder: str) -> Iterator[tuple[str, Stat]]:
        """See Bucket."""
        with self._errors(folder):
            prefix = f"{folder}/" if folder else None
            for blob in self._bucket.list_blobs(prefix=prefix, retry=_retry(), timeout=_timeout()):
                yield blob.name.rstrip("/"), _stat(blob)

    def top(self, folder: str) -> tuple[list[str], list[str]]:
        """See Bucket."""
        with self._errors(folder):
            prefix = f"{folder}/" if folder else None
            listed = self._bucket.list_blobs(prefix=prefix, delimiter="/", retry=_retry(), timeout=_timeout())
            keys = [blob.name for blob in listed]
            return [found.rstrip("/") for found in listed.prefixes], keys

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Makes errors of the library, whose messages hold addresses, those of Bucket."""
        where = f"gs://{self._name}/{key}"
        try:
            yield
        except exceptions.NotFound as error:
            if key and not self._is_missing_bucket(error):
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), where) from None
            raise OSError(errno.ENODEV, "the bucket does not exist", where) from None
        except (exceptions.PreconditionFailed, exceptions.NotModified):
            raise Mismatch(where) from None
        except exceptions.RetryError as error:
            raise OSError(*_told(error.cause), where) from None
        except _ERRORS as error:
            raise OSError(*_told(error), where) from None

    def _is_missing_bucket(self, error: exceptions.NotFound) -> bool:
        """True where it is the bucket that is missing: the answer to a download does not tell."""
        if "bucket does not exist" in str(error):
            return True
        try:
            next(iter(self._bucket.list_blobs(max_results=1, retry=_retry(), timeout=_timeout())), None)
        except exceptions.NotFound:
            return True
        except exceptions.GoogleAPIError:
            return False
        return False


def _stat(blob: Any) -> Stat:
    updated = blob.updated or dt.datetime.fromtimestamp(0, dt.UTC)
    modified = int(updated.timestamp()) * 1_000_000_000 + updated.microsecond * 1000
    return Stat(blob.size or 0, modified, str(blob.generation))


def _told(error: BaseException | None) -> tuple[int, str]:
    """The number and the text of the OSError for an error of the library."""
    if isinstance(error, InvalidResponse):
        error = exceptions.from_http_status(error.response.status_code, "")  # type: ignore[no-untyped-call]
    return next(
        (told for kinds, told in _FAILURES if isinstance(error, kinds)), (errno.EIO, "the store failed")
    )


_FAILURES: list[tuple[tuple[type[BaseException], ...], tuple[int, str]]] = [
    (
        (exceptions.Forbidden, exceptions.Unauthorized),
        (errno.EACCES, "the store denied access; check credentials"),
    ),
    (
        (GoogleAuthError,),
        (errno.EACCES, "no credentials were found; set GOOGLE_APPLICATION_CREDENTIALS or give an identity"),
    ),
    (
        (exceptions.TooManyRequests, exceptions.ServiceUnavailable),
        (errno.EAGAIN, "the store asks for fewer requests, or is not available"),
    ),
    (
        (requests.exceptions.ConnectTimeout, requests.exceptions.ReadTimeout),
        (errno.ETIMEDOUT, "the store did not answer in time"),
    ),
    ((requests.RequestException,), (errno.EHOSTUNREACH, "the store cannot be reached")),
]


def _retry() -> Retry:
    retry: Retry = DEFAULT_RETRY.with_timeout(limits.RETRY_SECONDS).with_delay(
        initial=limits.FIRST_PAUSE, maximum=limits.LONGEST_PAUSE, multiplier=2
    )
    return retry


def _timeout() -> tuple[float, float]:
    return limits.CONNECT_SECONDS, limits.ANSWER_SECONDS
