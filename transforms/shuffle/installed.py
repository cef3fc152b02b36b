"""The digest of the installed chatsieve: workers must have the same one as the driver of the run.

A worker with other code could decide otherwise, and nothing in its output would show it.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import PipelineError

#: The packages, and the ends of the names of their files that decide what is written. Not `chatsieve`: it
#: decides nothing, and what a format of another package takes from it is code of these packages.
_PACKAGES = {
    "pipeline": (".py",),
    "schemas": (".py",),
    "transforms": (".json", ".py", ".yaml", ".txt", ".npz", ".sha256"),
}
#: Folders that are not in a clone and a wheel alike, and that no worker needs.
_LEFT_OUT = frozenset({"__pycache__", "configs", "examples", "training"})


@functools.cache
def installed_digest() -> str:
    """SHA-256, in hex, over names and contents of the code, word lists and models of chatsieve."""
    root = str(Path(__file__).parents[2])
    digest = hashlib.sha256()
    for package, ends in _PACKAGES.items():
        for name in sorted(_files(root, package, ends)):
            with open(f"{root}/{name}", "rb", buffering=0) as file:  # noqa: PTH123 - 400 files at each start
                digest.update(b"%s\0%b" % (name.encode(), hashlib.sha256(file.readall()).digest()))
    return digest.hexdigest()


class SamePackage:
    """Pickled, the digest of this process's chatsieve. Unpickling raises PipelineError under another one."""

    def __reduce__(self) -> tuple[object, ...]:
        return _check, (installed_digest(),)


def _check(expected: str) -> SamePackage:
    own = installed_digest()
    if own != expected:
        raise PipelineError(
            f"a worker has another chatsieve (digest {own[:12]}, the run has {expected[:12]}); "
            "give workers and command line the same version or image"
        )
    return SamePackage()


def _files(root: str, folder: str, ends: tuple[str, ...]) -> Iterator[str]:
    with os.scandir(f"{root}/{folder}") as entries:
        for entry in entries:
            if entry.name.endswith(ends):
                yield f"{folder}/{entry.name}"
            elif entry.is_dir() and entry.name not in _LEFT_OUT:
                yield from _files(root, f"{folder}/{entry.name}", ends)
