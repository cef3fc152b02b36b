"""The contract of `storage/contract.py` over a prefix of a bucket."""

from __future__ import annotations

import errno
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, cast

from transforms.storage.contract import Buffer, Conflict, Stat, Store, Unknown
from transforms.storage.objects import bucket as limits
from transforms.storage.objects.bucket import ABSENT, Bucket, Mismatch, bucket_of, parse
from transforms.storage.objects.ranges import RangeFile
from transforms.storage.objects.token import with_token, without_token

#: Buckets (scheme and name) whose conditions were seen to hold.
_CHECKED: set[tuple[str, str]] = set()
#: How often a revocation is tried against other writers of the object.
_REVOCATIONS = 50


class ObjectStore:
    """Objects below a prefix of a bucket; `url` is all it holds, also when it is pickled.

    Objects that `create` and `replace` write end in a token, which no read gives. Etags are SHA-256 of the
    content without it, so they do not change when `revoke` writes the same content again.

    `replace` reads the object, asks `may`, and puts under the condition that the object is still that one.
    `revoke` puts the same content with another token. So of a replacement that has begun, either the
    condition fails, or it read the object after that, and then `may` was asked after the revocation.
    An object that is absent is revoked by writing a token alone, which counts as absent.
    """

    def __init__(self, url: str) -> None:
        self._place = parse(url)
        self.url = url.rstrip("/")

    def __reduce__(self) -> tuple[type[ObjectStore], tuple[str]]:
        return ObjectStore, (self.url,)

    def __repr__(self) -> str:
        return f"ObjectStore({self.url!r})"

    def names(self, prefix: str = "") -> list[str]:
        """See Store."""
        return sorted(self.sizes(prefix))

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """See Store."""
        folder = prefix.rpartition("/")[0]
        found = {self._name(key): stat.size for key, stat in self._bucket.below(self._key(folder))}
        return {name: size for name, size in found.items() if name.startswith(prefix)}

    def read(self, name: str) -> bytes:
        """See Store."""
        return self.read_tagged(name)[0]

    def read_tagged(self, name: str) -> tuple[bytes, str]:
        """See Store."""
        found = self._find(name)
        if found.data is None:
            raise FileNotFoundError(errno.ENOENT, "no such object", self._where(name))
        return found.data, _etag(found.data)

    def open(self, name: str) -> BinaryIO:
        """See Store."""
        key = self._key(name)
        return cast(BinaryIO, RangeFile(self._bucket, key, self._bucket.head(key), self._where(name)))

    def stat(self, name: str) -> Stat:
        """See Store."""
        return self._bucket.head(self._key(name))

    def put(self, name: str, data: Buffer) -> None:
        """See Store; a large object is sent in parts."""
        self._bucket.put(self._key(name), data)

    def create(self, name: str, data: Buffer) -> bool:
        """See Store."""
        found = _Found(None, ABSENT, b"")
        written = with_token(data)
        for _ in _pauses():
            found, is_done = self._put_over(name, found, written)
            if is_done:
                self._check_conditions(name, written)
            if is_done or found.data is not None:
                return is_done
        raise OSError(errno.EAGAIN, "the store did not take the object", self._where(name))

    def replace(
        self, name: str, data: Buffer, etag: str | None, may: Callable[[], bool] = lambda: True
    ) -> str:
        """See Store."""
        written = with_token(data)
        found = self._find(name)
        for _ in _pauses():
            if not may() or found.etag != etag:
                raise Conflict(name)
            try:
                now, is_done = self._put_over(name, found, written)
            except OSError as error:
                raise Unknown(name) from error
            if is_done:
                return _etag(data)
            if now.identity != found.identity:
                raise Conflict(name)  # another one was first, or revoked this
        raise Unknown(name)

    def revoke(self, name: str) -> None:
        """See Store."""
        for _ in range(_REVOCATIONS):
            found = self._find(name)
            if self._put_over(name, found, with_token(found.data or b""))[1]:
                return
        raise OSError(errno.EAGAIN, "other writers change it all the time", self._where(name))

    def copy(self, source: Store, name: str, target: str) -> None:
        """See Store; within a bucket the bytes do not move."""
        if isinstance(source, ObjectStore) and source._place[:2] == self._place[:2]:
            self._bucket.copy(source._key(name), self._key(target))
        else:
            self.put(target, source.read(name))

    def folders(self) -> list[str]:
        """See Store."""
        return sorted(map(self._name, self._bucket.top(self._key(""))[0]))

    def entries(self) -> list[str]:
        """See Store."""
        folders, keys = self._bucket.top(self._key(""))
        return sorted(map(self._name, [*folders, *keys]))

    def remove_all(self, folder: str) -> None:
        """See Store."""
        self._bucket.delete([self._key(name) for name in self.names(f"{folder}/")])

    def remove(self, name: str) -> None:
        """See Store."""
        self._bucket.delete([self._key(name)])

    def _put_over(self, name: str, found: _Found, written: bytes) -> tuple[_Found, bool]:
        """Writes over the state that was found: (the state now, True if it is this write).

        Where the object is another one, or there was no answer, the object is read to know.
        OSError where that fails too; then it is open what the object is.
        """
        try:
            self._bucket.put(self._key(name), written, found.identity)
        except (Mismatch, OSError) as failure:
            now = self._find(name)
            # The first of all errors tells most: access may be denied to writers alone.
            if now.written != written and isinstance(failure, PermissionError):
                raise
            return now, now.written == written
        return found, True

    def _check_conditions(self, name: str, written: bytes) -> None:
        """Writes an object again, under conditions that fail; OSError where the store ignores them.

        Some services that speak the API of S3 do: two writers would both be told that they were first.
        """
        if self._place[:2] in _CHECKED:
            return
        for identity in (ABSENT, self._bucket.never):
            try:
                self._bucket.put(self._key(name), written, identity)
            except (Mismatch, OSError):
                continue
            self.remove(name)
            what = "the store ignores the conditions of requests; use one that has conditional writes"
            raise OSError(errno.ENOTSUP, what, self._where(name))
        _CHECKED.add(self._place[:2])

    def _find(self, name: str) -> _Found:
        try:
            written, stat = self._bucket.get(self._key(name))
        except FileNotFoundError:
            return _Found(None, ABSENT, b"")
        data = without_token(written)
        return _Found(data if data or data == written else None, stat.identity, written)

    @property
    def _bucket(self) -> Bucket:
        return bucket_of(self._place)

    def _key(self, name: str) -> str:
        if name.startswith("/") or ".." in name.split("/"):
            raise ValueError("a name of an object is relative and has no ..")
        return "/".join(part for part in (self._place.key, name) if part)

    def _name(self, key: str) -> str:
        return key.removeprefix(f"{self._place.key}/") if self._place.key else key

    def _where(self, name: str) -> str:
        return f"{self.url}/{name}"


class _Found(NamedTuple):
    """An object as it was found: its content (None: absent), its identity, and all its bytes."""

    data: bytes | None
    identity: str
    written: bytes

    @property
    def etag(self) -> str | None:
        return None if self.data is None else _etag(self.data)


def _pauses() -> Iterator[None]:
    """As many steps as there are tries, with growing random pauses between them."""
    for attempt in range(limits.TRIES):
        if attempt:
            longest = min(limits.FIRST_PAUSE * 2**attempt, limits.LONGEST_PAUSE)
            time.sleep(random.uniform(longest / 2, longest))  # noqa: S311 - a pause
        yield


def _etag(data: Buffer) -> str:
    return hashlib.sha256(data).hexdigest()
