"""Where every record and block of an input went: used, merged, dropped by a rule, or quarantined.

Adapters note what they do not use, at the place where they leave it; whoever reads counts what came out. A
note costs a look-up where nobody keeps a book, and nobody does in a run. Blocks of a record that turns out
to be none are not counted apart from it.
"""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

MERGED, USED = "merged", "used"
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}\Z")


@dataclasses.dataclass
class Book:
    """Records and blocks by what became of them; those that were used are for the reader to count.

    A fate is `used`, `merged` (into one that says the same or goes on with it), or `dropped: ` and a rule.
    """

    records: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    blocks: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    _pending: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def settle(self, good: bool) -> None:
        """What was noted of blocks stands if their record is good, and is forgotten with it if not."""
        if good:
            self.blocks.update(self._pending)
        self._pending.clear()


_OPEN: ContextVar[Book | None] = ContextVar("book", default=None)


@contextmanager
def keeping(book: Book | None) -> Iterator[None]:
    """Notes go into the book, on this thread, until the end."""
    token = _OPEN.set(book)
    try:
        yield
    finally:
        _OPEN.reset(token)


def is_kept() -> bool:
    """True where somebody keeps a book: what only a note needs may be left out elsewhere."""
    return _OPEN.get() is not None


def note_record(fate: str, count: int = 1) -> None:
    """Notes what became of records."""
    if (book := _OPEN.get()) is not None and count:
        book.records[fate] += count


def note_block(fate: str, count: int = 1) -> None:
    """Notes what became of blocks of the record that is being read."""
    if (book := _OPEN.get()) is not None and count:
        book._pending[fate] += count


def settle(good: bool) -> None:
    """The record is read, or is none."""
    if (book := _OPEN.get()) is not None:
        book.settle(good)


def dropped(rule: object) -> str:
    """The fate by a rule; a word of the input stands for itself only if it is a plain one."""
    return f"dropped: {rule if isinstance(rule, str) and _WORD.match(rule) else 'other'}"
