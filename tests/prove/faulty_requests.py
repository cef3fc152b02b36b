"""Requests to a bucket that are counted, and of which the n-th meets a fault.

`failed`: nothing is done. `lost`: it is done, and the answer is lost. `late`: there is no answer, and it is
done after the three requests that follow. `last`: likewise, at the end. `repeated`: it is done twice, as by a
client or proxy that sends it again. `slow`, and the kills and signals of `faulty_operations`.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

from transforms.storage.contract import Buffer, Stat
from transforms.storage.objects.bucket import Bucket, Mismatch

EVERYWHERE = ("failed", "kill", "killed-after", "sigterm", "sigint", "slow")
#: Faults of requests that change something.
CHANGES = ("lost", "late", "last", "repeated")
CHANGING = frozenset({"put", "copy", "delete"})
_LATER = 3


class FaultyRequests:
    """What is done to the requests of a process; `wrap` takes the place of `bucket.WRAP`."""

    def __init__(self, nth: int = 0, fault: str = "") -> None:
        self._nth, self._fault = nth, fault
        self.done: list[tuple[str, str]] = []
        self.moved = 0
        self._pending: list[tuple[int, Callable[[], Any]]] = []

    def wrap(self, bucket: Bucket) -> FaultyBucket:
        """The bucket with the fault."""
        return FaultyBucket(bucket, self)

    def finish(self) -> None:
        """Does what is still under way; called when the command has ended."""
        while self._pending:
            _try(self._pending.pop(0)[1])

    def do(self, name: str, key: str, call: Callable[[], Any]) -> Any:
        """Does a request, or what the fault makes of it."""
        self.done.append((name, key))
        self.before(len(self.done))
        while self._pending and self._pending[0][0] <= len(self.done):
            _try(self._pending.pop(0)[1])
        if len(self.done) != self._nth:
            return call()
        fault = self._fault
        if fault in ("late", "last"):
            self._pending.append((self._nth + _LATER if fault == "late" else 1 << 60, call))
        if fault in ("failed", "late", "last"):
            raise OSError(errno.EIO, "the store failed", key)
        if fault == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == "slow":
            time.sleep(0.05)
        if fault in ("sigterm", "sigint"):
            os.kill(os.getpid(), signal.SIGTERM if fault == "sigterm" else signal.SIGINT)
        if fault == "repeated":
            _try(call)
        try:
            result = call()
        finally:
            if fault == "killed-after":
                os.kill(os.getpid(), signal.SIGKILL)
        if fault == "lost":
            raise OSError(errno.EIO, "the store failed", key)
        return result

    def before(self, nth: int) -> None:
        """Called before the n-th request; for tests that stop there."""


class FaultyBucket:
    """See Bucket; every request goes through `FaultyRequests.do`."""

    def __init__(self, bucket: Bucket, faults: FaultyRequests) -> None:
        self._bucket, self._faults = bucket, faults

    @property
    def never(self) -> str:
        return self._bucket.never

    def get(self, key: str) -> tuple[bytes, Stat]:
        found: tuple[bytes, Stat] = self._faults.do("get", key, lambda: self._bucket.get(key))
        self._faults.moved += len(found[0])
        return found

    def get_range(self, key: str, start: int, end: int, identity: str) -> Buffer:
        call = lambda: self._bucket.get_range(key, start, end, identity)  # noqa: E731
        data: Buffer = self._faults.do("get_range", key, call)
        self._faults.moved += len(data)
        return data

    def head(self, key: str) -> Stat:
        return self._faults.do("head", key, lambda: self._bucket.head(key))  # type: ignore[no-any-return]

    def put(self, key: str, data: Buffer, identity: str | None = None) -> None:
        content = bytes(data)
        self._faults.do("put", key, lambda: self._bucket.put(key, content, identity))

    def copy(self, key: str, target: str) -> None:
        self._faults.do("copy", target, lambda: self._bucket.copy(key, target))

    def delete(self, keys: list[str]) -> None:
        self._faults.do("delete", keys[0] if keys else "", lambda: self._bucket.delete(keys))

    def below(self, folder: str) -> Iterator[tuple[str, Stat]]:
        yield from self._faults.do("below", folder, lambda: list(self._bucket.below(folder)))

    def top(self, folder: str) -> tuple[list[str], list[str]]:
        return self._faults.do("top", folder, lambda: self._bucket.top(folder))  # type: ignore[no-any-return]


def _try(call: Callable[[], Any]) -> None:
    try:
        call()
    except (OSError, Mismatch):
        return
