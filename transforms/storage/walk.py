"""What is below a folder, whatever it is: to check what must be there, and what must not."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import NamedTuple

from transforms.storage.contract import Store
from transforms.storage.local import LocalStore


class Entry(NamedTuple):
    """A file or folder by its name below the store; `target` of a symbolic link, `mode` on local disk."""

    name: str
    is_file: bool
    is_folder: bool = False
    target: str | None = None
    mode: int | None = None


def walk(store: Store, folder: str = "", skip: frozenset[str] = frozenset()) -> Iterator[Entry]:
    """Everything below a folder of the store, without the folders `skip` at the top; never raises OSError.

    Names are relative to `folder`. On local disk folders come too, before what they hold, links are not
    followed, and what cannot be listed has no entries. A bucket has files alone.
    """
    if isinstance(store, LocalStore):
        yield from _below(os.path.join(store.root, folder), skip, "")  # noqa: PTH118
        return
    try:
        names = store.names(f"{folder}/" if folder else "")
    except OSError:
        return
    for name in (name.removeprefix(f"{folder}/") if folder else name for name in names):
        if name.split("/", 1)[0] not in skip:
            yield Entry(name, is_file=True)


def _below(folder: str, skip: frozenset[str], below: str) -> Iterator[Entry]:
    try:
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in listed:
        name = f"{below}{entry.name}"
        if name in skip:
            continue
        try:
            found = entry.stat(follow_symlinks=False).st_mode
            target = os.readlink(entry.path) if stat.S_ISLNK(found) else None  # noqa: PTH115
        except OSError:
            continue
        yield Entry(name, stat.S_ISREG(found), stat.S_ISDIR(found), target, stat.S_IMODE(found))
        if stat.S_ISDIR(found):
            yield from _below(entry.path, frozenset(), f"{name}/")
