"""A bucket in memory that counts what is asked of it, in place of that of a server."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from transforms.storage.contract import Buffer, Stat
from transforms.storage.objects import bucket
from transforms.storage.objects.bucket import Bucket, Mismatch

URL = "s3://memory"


class Request(NamedTuple):
    """A request, and the bytes that it moved."""

    kind: str
    key: str
    start: int = 0
    end: int = 0

    @property
    def size(self) -> int:
        return self.end - self.start


class MemoryBucket:
    """Reads of a Bucket. `fail`: raised by every read of a range from the `after`-th on."""

    def __init__(self) -> None:
        self.objects: dict[str, tuple[bytes, str]] = {}
        self.requests: list[Request] = []
        self.fail: OSError | None = None
        self.after = 0

    @property
    def never(self) -> str:
        return "never"

    def put(self, key: str, data: Buffer, identity: str | None = None) -> None:  # noqa: ARG002 - see Bucket
        self.objects[key] = bytes(data), secrets.token_hex(8)

    def get(self, key: str) -> tuple[bytes, Stat]:
        data, _ = self._found(key)
        self.requests.append(Request("get", key, 0, len(data)))
        return data, self._stat(key)

    def get_range(self, key: str, start: int, end: int, identity: str) -> Buffer:
        if self.fail is not None and len(self.ranges()) >= self.after:
            raise self.fail
        data, now = self._found(key)
        self.requests.append(Request("range", key, start, end))
        if now != identity:
            raise Mismatch(key)
        return data[start:end]

    def head(self, key: str) -> Stat:
        self.requests.append(Request("head", key))
        return self._stat(key)

    def below(self, folder: str) -> Iterator[tuple[str, Stat]]:
        self.requests.append(Request("list", folder))
        for key in [*self.objects]:
            if key.startswith(f"{folder}/" if folder else ""):
                yield key.rstrip("/"), self._stat(key)

    def copy(self, key: str, target: str) -> None:
        raise NotImplementedError

    def delete(self, keys: list[str]) -> None:
        for key in keys:
            self.objects.pop(key, None)

    def top(self, folder: str) -> tuple[list[str], list[str]]:
        raise NotImplementedError

    def folders(self, folder: str) -> list[str]:
        raise NotImplementedError

    def ranges(self, key: str | None = None) -> list[Request]:
        """The ranges that were read, in order."""
        return [each for each in self.requests if each.kind == "range" and key in (None, each.key)]

    def add(self, path: Path, name: str) -> str:
        """Puts a file into the bucket; its URL."""
        self.put(name, path.read_bytes())
        return f"{URL}/{name}"

    def _found(self, key: str) -> tuple[bytes, str]:
        if key not in self.objects:
            raise FileNotFoundError(2, "No such file or directory", f"{URL}/{key}")
        return self.objects[key]

    def _stat(self, key: str) -> Stat:
        data, identity = self._found(key)
        return Stat(len(data), 0, identity)


def memory_bucket(monkeypatch: pytest.MonkeyPatch) -> MemoryBucket:
    """A new bucket behind every URL."""
    made = MemoryBucket()
    wrapped: Bucket = made
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setattr(bucket, "WRAP", lambda _: wrapped)
    return made
