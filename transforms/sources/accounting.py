"""Where every record and block of an input went: used, merged, dropped by a rule, or quarantined.

Formats call `note_record` and `note_block` where they leave something out; the caller counts the sessions
that come out. Without an open book, as in a run, a note does nothing. The blocks of a quarantined record are
not counted apart from the record.
"""

from __future__ import annotations

import collections
import dataclasses
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from transforms.sources.unknown_kinds import UnknownKinds

MERGED, USED = "merged", "used"
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}\Z")


@dataclasses.dataclass
class Book:
    """Counts of records and blocks by fate.

    A fate is `used` (counted by the caller), `merged` (a copy of, or part of, another record), or
    `dropped: ` and the rule. `unknown`: kinds that the format does not know, as a run counts them.
    """

    records: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    blocks: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    unknown: UnknownKinds = dataclasses.field(default_factory=UnknownKinds.none)
    _pending: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)

    def settle(self, good: bool) -> None:
        """Counts the blocks noted since the last call if their record is a session; else forgets them."""
        if good:
            self.blocks.update(self._pending)
        self._pending.clear()


_OPEN: ContextVar[Book | None] = ContextVar("book", default=None)


@contextmanager
def keeping(book: Book | None) -> Iterator[None]:
    """Within the context, notes of this thread go into the book."""
    token = _OPEN.set(book)
    try:
        yield
    finally:
        _OPEN.reset(token)


def note_record(fate: str, count: int = 1) -> None:
    """Counts records by fate."""
    if (book := _OPEN.get()) is not None and count:
        book.records[fate] += count


def note_block(fate: str, count: int = 1) -> None:
    """Counts blocks of the current record by fate; `settle` decides whether they count."""
    if (book := _OPEN.get()) is not None and count:
        book._pending[fate] += count


def settle(good: bool) -> None:
    """Ends the current record; `good` False if it is quarantined."""
    if (book := _OPEN.get()) is not None:
        book.settle(good)


def dropped(rule: object) -> str:
    """The fate `dropped: RULE`; a rule taken from the input is `other` unless it is a plain word."""
    return f"dropped: {rule if isinstance(rule, str) and _WORD.match(rule) else 'other'}"
