"""What a store of output files promises."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, NamedTuple, Protocol

Buffer = bytes | bytearray | memoryview


class Conflict(Exception):  # noqa: N818 - an answer of the store, not a failure
    """The object is not the one that was to be replaced, or this was revoked; nothing was changed."""


class Unknown(Exception):  # noqa: N818 - likewise
    """The store did not say whether an object was replaced: read it to find out."""


class Stat(NamedTuple):
    """Size in bytes, time of change in nanoseconds, and an identity that changes with every replacement."""

    size: int
    modified: int
    identity: str


class Store(Protocol):
    """What every store promises. Names are relative, with slashes. OSError where the store fails."""

    @property
    def url(self) -> str:
        """The path of the folder, or the URL of the prefix, for messages and to make the store again."""
        ...

    def names(self, prefix: str = "") -> list[str]:
        """The names that begin with `prefix`, sorted. A listing may lag: absence proves nothing."""
        ...

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """The same names with the sizes in bytes of their objects, from the listing alone.

        On local disk without links and whatever else is no regular file.
        """
        ...

    def read(self, name: str) -> bytes:
        """The whole object; FileNotFoundError without one."""
        ...

    def read_tagged(self, name: str) -> tuple[bytes, str]:
        """The whole object, and the etag that `replace` takes."""
        ...

    def open(self, name: str) -> BinaryIO:
        """The object as a file to read, seekable; of a remote one only what is read moves."""
        ...

    def stat(self, name: str) -> Stat:
        """FileNotFoundError without such an object."""
        ...

    def put(self, name: str, data: Buffer) -> None:
        """Writes the object: all of it is visible at once, or nothing."""
        ...

    def create(self, name: str, data: Buffer) -> bool:
        """Writes the object only if there is none: of many writers exactly one gets True."""
        ...

    def replace(
        self, name: str, data: Buffer, etag: str | None, may: Callable[[], bool] = lambda: True
    ) -> str:
        """Replaces the object that has this etag and gives the new one's; raises Conflict or Unknown.

        `etag` None: only if there is no object. Of many replacements of one state at most one is done. `may`
        is asked when `revoke` would stop this replacement already; where it is False, Conflict is raised.
        """
        ...

    def revoke(self, name: str) -> None:
        """Stops replacements of the object: what has begun and is not done at the return is never done."""
        ...

    def copy(self, source: Store, name: str, target: str) -> None:
        """Copies an object of a store of the same kind."""
        ...

    def folders(self) -> list[str]:
        """The first parts of all names that have several, sorted."""
        ...

    def entries(self) -> list[str]:
        """The first parts of all names, sorted; of local folders those without a file too."""
        ...

    def remove_all(self, folder: str) -> None:
        """Removes every object below a folder."""
        ...

    def remove(self, name: str) -> None:
        """Removes the object; removing what is absent is fine."""
        ...
