"""The requests to a bucket that a store is made of; `s3.py` and `gcs.py` send them."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from schemas.errors import ConfigError
from transforms.storage.contract import Buffer, Stat

#: As the identity that a put requires: there is no such object.
ABSENT = ""
#: Seconds until a connection, and until a whole answer.
CONNECT_SECONDS, ANSWER_SECONDS = 5.0, 300.0
#: Tries of a request that can be repeated, the first and longest pause between them, the end of all.
TRIES, FIRST_PAUSE, LONGEST_PAUSE, RETRY_SECONDS = 10, 0.1, 5.0, 120.0
#: Larger objects are sent in parts of this size.
PART_BYTES = 16 << 20
_URL = re.compile(
    r"(s3|gs)://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])((?:/[^/\x00-\x1f\x7f\ud800-\udfff]+)*)/*\Z"
)


class Mismatch(Exception):  # noqa: N818 - an answer of the store, not a failure
    """The object is not the one that the request requires; nothing was changed."""


class Place(NamedTuple):
    """A prefix of a bucket, or an object: `key` has no slash at either end."""

    scheme: str
    bucket: str
    key: str


class Bucket(Protocol):
    """The requests to one bucket. Identities are ETags or generations; `never` is one that no object has.

    FileNotFoundError for an object that is missing. Other failures, a missing bucket among them, are other
    kinds of OSError, with one line as `strerror` that has no credential, header or address in it. Requests
    that can be repeated are, with growing pauses; a put with a condition is not: whether it was done is open
    after an OSError.
    """

    @property
    def never(self) -> str: ...

    def get(self, key: str) -> tuple[bytes, Stat]:
        """An object, whole."""
        ...

    def get_range(self, key: str, start: int, end: int, identity: str) -> Buffer:
        """The bytes from `start` to before `end` of the object that is this one; raises Mismatch."""
        ...

    def head(self, key: str) -> Stat:
        """The state of an object."""
        ...

    def put(self, key: str, data: Buffer, identity: str | None = None) -> None:
        """Writes an object, only over the one of this identity if it is given; raises Mismatch."""
        ...

    def copy(self, key: str, target: str) -> None:
        """Copies an object within the bucket."""
        ...

    def delete(self, keys: list[str]) -> None:
        """Removes objects; those that are missing too."""
        ...

    def below(self, folder: str) -> Iterator[tuple[str, Stat]]:
        """The keys below `folder` and a slash, all for no folder, with their states."""
        ...

    def top(self, folder: str) -> tuple[list[str], list[str]]:
        """(the first part, below `folder`, of all keys that have several; the keys that have one)."""
        ...


def is_url(path: str) -> bool:
    """True for a path in a bucket."""
    return path.startswith(("s3://", "gs://"))


def parse(url: str, prefix: bool = False) -> Place:
    """The place that a URL names; ConfigError for what is no such URL, which may hold a credential.

    `prefix`: it must not be the whole bucket.
    """
    found = _URL.match(url)
    if found is None or {".", ".."} & set(found[3].split("/")) or (prefix and not found[3]):
        raise ConfigError(
            f"{url[:5]}...: expected {url[:2]}://BUCKET/PREFIX, without empty parts, without .. "
            "and without control characters"
        )
    return Place(found[1], found[2], found[3].strip("/"))


def bucket_of(place: Place) -> Bucket:
    """The bucket of a place: one client a process. ConfigError where the library for it is not installed."""
    return client_of(place.scheme, place.bucket, WRAP)


def _same(bucket: Bucket) -> Bucket:
    return bucket


#: What is put in front of every bucket; tests fail single requests here.
WRAP: Callable[[Bucket], Bucket] = _same


@functools.lru_cache(64)
def client_of(scheme: str, name: str, wrap: Callable[[Bucket], Bucket]) -> Bucket:
    try:
        if scheme == "s3":
            from transforms.storage.objects.s3 import S3Bucket

            return wrap(S3Bucket(name))
        from transforms.storage.objects.gcs import GcsBucket

        return wrap(GcsBucket(name))
    except ImportError:
        extra = "s3" if scheme == "s3" else "gcs"
        raise ConfigError(
            f"{scheme}:// needs a library that is not installed: pip install 'chatsieve[{extra}]'"
        ) from None
