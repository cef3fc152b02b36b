"""The requests to a bucket of S3, or of a service with its API, by `obstore`.

Endpoint, region and credentials come from the environment, as `obstore` takes them: `AWS_ENDPOINT_URL`,
`AWS_REGION`, `AWS_ACCESS_KEY_ID` and so on, a web identity, the addresses of ECS and EC2.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from schemas.errors import ConfigError
from transforms.storage.contract import Buffer, Stat
from transforms.storage.objects import bucket as limits
from transforms.storage.objects.bucket import ABSENT, Mismatch

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta, PutMode

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_ADDRESS = re.compile(r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\])(?::([0-9]{1,5}))?(?:/[^?#]*)?")
_MOST_PORT = 65_535
#: Settings that are sent in headers and addresses.
_SETTINGS = (
    *_ENDPOINTS,
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_TOKEN"),
    *("AWS_REGION", "AWS_DEFAULT_REGION"),
)


class S3Bucket:
    """See Bucket."""

    never = '"0"'

    def __init__(self, name: str) -> None:
        self._name = name
        _check_environment()
        try:
            self._store = _store(name, limits.TRIES - 1)
            #: For what must not be sent twice.
            self._once = _store(name, 0)
        except BaseError:
            raise ConfigError(
                "s3://: the settings in the environment (AWS_...) cannot be used, or this machine has no CA "
                "certificates (package ca-certificates)"
            ) from None

    def get(self, key: str) -> tuple[bytes, Stat]:
        """See Bucket."""
        with self._errors(key):
            found = obstore.get(self._store, key)
            return bytes(found.bytes()), _stat(found.meta)

    def get_range(self, key: str, start: int, end: int, identity: str) -> Buffer:
        """See Bucket."""
        with self._errors(key):
            options: GetOptions = {"range": (start, end), "if_match": identity}
            return memoryview(obstore.get(self._store, key, options=options).bytes())

    def head(self, key: str) -> Stat:
        """See Bucket."""
        with self._errors(key):
            try:
                return _stat(obstore.head(self._store, key))
            except (FileNotFoundError, BaseError) as error:
                status = _STATUS.search(str(error))
                if not status or status[1] not in ("400", "404"):
                    raise
            # An answer to HEAD has no text; this one says what is missing or wrong.
            return _stat(obstore.get(self._store, key).meta)

    def put(self, key: str, data: Buffer, identity: str | None = None) -> None:
        """See Bucket."""
        data = memoryview(data).cast("B")  # Arrow's are of signed bytes, which the library refuses
        with self._errors(key):
            if identity is None:
                obstore.put(
                    *(self._store, key, data),
                    use_multipart=len(data) > limits.PART_BYTES,
                    chunk_size=limits.PART_BYTES,
                    max_concurrency=4,
                )
            else:
                mode: PutMode = "create" if identity == ABSENT else {"e_tag": identity}
                obstore.put(self._once, key, data, mode=mode, use_multipart=False)

    def copy(self, key: str, target: str) -> None:
        """See Bucket."""
        with self._errors(key):
            obstore.copy(self._store, key, target)

    def delete(self, keys: list[str]) -> None:
        """See Bucket."""
        with self._errors(keys[0] if keys else ""), contextlib.suppress(FileNotFoundError):
            obstore.delete(self._store, keys)

    def below(self, folder: str) -> Iterator[tuple[str, Stat]]:
        """See Bucket."""
        with self._errors(folder):
            for chunk in obstore.list(self._store, folder or None):
                for found in chunk:
                    yield found["path"], _stat(found)

    def top(self, folder: str) -> tuple[list[str], list[str]]:
        """See Bucket."""
        with self._errors(folder):
            found = obstore.list_with_delimiter(self._store, folder or None)
            return list(found["common_prefixes"]), [each["path"] for each in found["objects"]]

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        """Makes errors of the library, whose messages hold access keys and addresses, those of Bucket."""
        where = f"s3://{self._name}/{key}"
        try:
            yield
        except FileNotFoundError as error:
            raise _failure(str(error), where) from None
        except (AlreadyExistsError, PreconditionError):
            raise Mismatch(where) from None
        except (PermissionDeniedError, UnauthenticatedError):
            raise PermissionError(*_DENIED, where) from None
        except (ValueError, InvalidPathError):
            raise OSError(errno.EILSEQ, "a name has a character that cannot be used", where) from None
        except (BaseError, OSError) as error:
            raise _failure(str(error), where) from None
        except BaseException as error:
            if type(error).__name__ != "PanicException":  # of the library's Rust code
                raise
            raise OSError(errno.EIO, "the library for the store failed", where) from None


def _failure(message: str, where: str) -> OSError:
    """The error of a failure, from its message. FileNotFoundError only where the store's own code says so.

    A status 404 alone may come from a gateway before the store. A dataset must not count as absent then.
    """
    code = _CODE.search(message)
    if code and code[1] in _ABSENT:
        return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), where)
    if code and code[1] in _BY_CODE:
        return OSError(*_BY_CODE[code[1]], where)
    status = _STATUS.search(message)
    if status:
        return OSError(*_BY_STATUS.get(status[1], (errno.EIO, "the store failed")), where)
    number, what = next((told for sign, told in _BY_SIGN.items() if sign in message), _NO_ANSWER)
    return OSError(number, what, where)


_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d{3})")
_DENIED = (errno.EACCES, "the store denied access; check credentials")
_OTHER_REGION = (errno.EINVAL, "the bucket is in another region; check AWS_REGION")
#: Codes of the store's answers.
_ABSENT = frozenset({"NoSuchKey", "NoSuchVersion"})
_BY_CODE = {
    "AuthorizationHeaderMalformed": _OTHER_REGION,
    "ExpiredToken": _DENIED,
    "InvalidAccessKeyId": _DENIED,
    "InvalidToken": _DENIED,
    "NoSuchBucket": (errno.ENODEV, "the bucket does not exist"),
    "PermanentRedirect": _OTHER_REGION,
    "XAdminUserNotFound": _DENIED,
}
_BUSY = (errno.EAGAIN, "the store asks for fewer requests, or is not available")
_NO_CREDENTIALS = (
    errno.EACCES,
    "no credentials were found; set AWS_ACCESS_KEY_ID and so on, or give the host an identity",
)
_NO_ANSWER = (errno.EIO, "the store did not answer")
_BY_STATUS = {
    "401": _DENIED,
    "403": _DENIED,
    "409": (errno.EAGAIN, "the store had another request for the object at this moment"),
    "429": _BUSY,
    "503": _BUSY,
}
_BY_SIGN = {
    "169.254.169.254": _NO_CREDENTIALS,
    "redential": _NO_CREDENTIALS,
    "kind: Connect": (errno.EHOSTUNREACH, "the store cannot be reached"),
    "kind: Timeout": (errno.ETIMEDOUT, "the store did not answer in time"),
}


def _check_environment() -> None:
    """ConfigError for a setting that would make the library end with a trace of its Rust code."""
    for name in _SETTINGS:
        if not re.fullmatch(r"[!-~]*", os.environ.get(name, "")):
            raise ConfigError(f"s3://: {name} has a space or a character that is not ASCII; correct it")
    for name in _ENDPOINTS:
        endpoint = _ADDRESS.fullmatch(os.environ.get(name, "http://unset"))
        if endpoint is None or int(endpoint[1] or 0) > _MOST_PORT:
            raise ConfigError(
                f"s3://: {name} is not an address; give one such as https://host:9000, or unset it"
            )


def _store(name: str, retries: int) -> S3Store:
    endpoint = next((os.environ[variable] for variable in _ENDPOINTS if os.environ.get(variable)), "")
    return S3Store(
        name,
        client_options={
            "allow_http": endpoint.startswith("http://"),
            "connect_timeout": dt.timedelta(seconds=limits.CONNECT_SECONDS),
            "timeout": dt.timedelta(seconds=limits.ANSWER_SECONDS),
        },
        retry_config={
            "max_retries": retries,
            "backoff": {
                "init_backoff": dt.timedelta(seconds=limits.FIRST_PAUSE),
                "max_backoff": dt.timedelta(seconds=limits.LONGEST_PAUSE),
                "base": 2,
            },
            "retry_timeout": dt.timedelta(seconds=limits.RETRY_SECONDS),
        },
    )


def _stat(meta: ObjectMeta) -> Stat:
    modified = (
        int(meta["last_modified"].timestamp()) * 1_000_000_000 + meta["last_modified"].microsecond * 1000
    )
    return Stat(meta["size"], modified, meta["e_tag"] or "")
