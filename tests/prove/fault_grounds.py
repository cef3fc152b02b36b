"""Where commands under test work, and what of theirs meets faults: files on disk, or requests to a bucket."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import Any, Protocol

from pipeline.dataset.catalog import CURRENT
from tests.cluster.buckets import SERVERS
from tests.prove import faulty_operations, faulty_requests
from tests.prove.faulty_operations import Faulty, Point
from tests.prove.faulty_requests import FaultyRequests
from transforms.storage import operations
from transforms.storage.objects import bucket
from transforms.storage.places import location, store_of

Shim = Faulty | FaultyRequests


class Ground(Protocol):
    """A place for folders that each hold a dataset `out`."""

    def folder(self, name: str) -> PurePath:
        """The folder of this name, below which a command writes."""
        ...

    def copy(self, template: PurePath, work: PurePath) -> None:
        """Makes `work` a copy of a folder."""
        ...

    def shim(self, nth: int = 0, fault: str = "") -> Shim:
        """What counts operations, and fails the n-th."""
        ...

    def install(self, shim: Shim) -> None:
        """Puts it in front of this process's operations."""
        ...

    def faults(self, operation: str) -> tuple[str, ...]:
        """The faults that can strike an operation."""
        ...

    def commit(self, found: list[Point]) -> int:
        """The number of the operation that makes the catalog count."""
        ...

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """What a function that uses stores gives; this process must stay one that can fork."""
        ...


class Disk:
    """Folders on disk; the operations are those of `FileOperations`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def folder(self, name: str) -> PurePath:
        return self._root / name

    def copy(self, template: PurePath, work: PurePath) -> None:
        shutil.rmtree(work, ignore_errors=True)
        if os.path.exists(template):  # noqa: PTH110
            shutil.copytree(template, work, symlinks=True)
        else:
            os.mkdir(work)  # noqa: PTH102

    def shim(self, nth: int = 0, fault: str = "") -> Shim:
        return Faulty(nth, fault)

    def install(self, shim: Shim) -> None:
        assert isinstance(shim, Faulty)
        operations.OPERATIONS = shim

    def faults(self, operation: str) -> tuple[str, ...]:
        some = faulty_operations.SOME.items()
        return (*faulty_operations.EVERYWHERE, *(each for each, struck in some if operation in struck))

    def commit(self, found: list[Point]) -> int:
        (place,) = {
            point.nth
            for point in found
            if point.path.rpartition("/")[2] == CURRENT and point.operation in ("rename", "link")
        }
        return place

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)


class InBucket:
    """Prefixes of a bucket; the operations are requests. Clients of buckets do not survive a fork."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._apart = Apart()

    def folder(self, name: str) -> PurePath:
        return location(f"{self._url}/{name}")

    def copy(self, template: PurePath, work: PurePath) -> None:
        self.call(_copy_prefix, str(template), str(work))

    def shim(self, nth: int = 0, fault: str = "") -> Shim:
        return FaultyRequests(nth, fault)

    def install(self, shim: Shim) -> None:
        assert isinstance(shim, FaultyRequests)
        bucket.FIRST_PAUSE = 0.001
        bucket.WRAP = shim.wrap

    def faults(self, operation: str) -> tuple[str, ...]:
        changes = faulty_requests.CHANGES if operation in faulty_requests.CHANGING else ()
        return (*faulty_requests.EVERYWHERE, *changes)

    def commit(self, found: list[Point]) -> int:
        puts = {
            point.nth
            for point in found
            if point.operation == "put" and point.path.rpartition("/")[2] == CURRENT
        }
        _, place, _ = sorted(puts)  # revoked at the beginning, replaced, revoked at the end
        return place

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return self._apart.call(function, *arguments)

    def again(self) -> InBucket:
        """The same ground for a fork of this process."""
        return InBucket(self._url)


class Apart:
    """A fork of this process that calls functions for it; it has to be made before anything uses a bucket."""

    def __init__(self) -> None:
        self._here, there = multiprocessing.Pipe()
        fork = multiprocessing.get_context("fork")
        fork.Process(target=_serve, args=(self._here, there), daemon=True).start()
        there.close()

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        self._here.send((function, arguments))
        is_done, result = self._here.recv()
        if not is_done:
            raise AssertionError(result)
        return result


def _serve(here: Any, there: Any) -> None:
    here.close()  # so that this process ends with the one that asks
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            function, arguments = there.recv()
            try:
                there.send((True, function(*arguments)))
            except Exception as error:  # noqa: BLE001 - told to the process that asks
                there.send((False, f"{type(error).__name__}: {error}"))


def _copy_prefix(template: str, work: str) -> None:
    held, target = bucket.parse(template), bucket.parse(work).key
    client = bucket.bucket_of(held)
    store_of(work).remove_all("out")
    for key, _ in list(client.below(held.key)):
        client.copy(key, f"{target}{key.removeprefix(held.key)}")


@contextlib.contextmanager
def ground_of(kind: str, root: Path) -> Iterator[Ground]:
    """A ground of this kind: `disk`, or a bucket on a server that runs until the end."""
    if kind == "disk":
        yield Disk(root)
        return
    with SERVERS[kind](root / "server") as server:
        os.environ.update(server.environment)
        yield InBucket(server.url)
