"""Kinds of lines and blocks that a format does not know, counted by name."""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from schemas.records import Session

#: Formats whose kinds are counted in a run. Of the others, only `inspect` counts the blocks.
COUNTED = frozenset({"claude-code", "claude-export", "chatgpt-export", "sharegpt", "openai-messages"})
KNOWN_BLOCKS = frozenset({"text", "thinking", "tool_use", "tool_result", "image", "document"})
OTHER = "other"
#: Kinds that are told apart; the rarest of more are `other`.
_MOST = 100
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{0,39}\Z")
_Counts = collections.Counter[str]


class UnknownKinds(NamedTuple):
    """Records (lines) and blocks of unknown kinds by kind; `other` for a kind that is no plain word."""

    records: _Counts
    blocks: _Counts

    @classmethod
    def none(cls) -> UnknownKinds:
        """No records and no blocks."""
        return cls(_Counts(), _Counts())

    def add(self, other: Mapping[str, Mapping[str, int]] | UnknownKinds) -> None:
        """Adds other counts, also as `counts` gives them."""
        found = other._asdict() if isinstance(other, UnknownKinds) else other
        self.records.update(found["records"])
        self.blocks.update(found["blocks"])

    def add_blocks(self, sessions: Iterable[Session]) -> None:
        """Counts the blocks of the sessions that are placeholders without content."""
        for session in sessions:
            for message in session.messages:
                content = message.content
                if content.__class__ is list:
                    for block in content:
                        if block.type not in KNOWN_BLOCKS:
                            self.blocks[plain(block.type)] += 1

    def counts(self) -> dict[str, dict[str, int]]:
        """`records` and `blocks`, by kind in order of names."""
        return {name: _least(found) for name, found in self._asdict().items()}


def plain(kind: str) -> str:
    """The kind if it is a plain word, so that it cannot be content; else `other`."""
    return kind if _WORD.match(kind) else OTHER


def _least(found: _Counts) -> dict[str, int]:
    named = sorted((kind for kind in found if kind != OTHER), key=lambda kind: (-found[kind], kind))
    counts = {kind: found[kind] for kind in named[:_MOST]}
    rest = found.total() - sum(counts.values())
    return dict(sorted((counts | {OTHER: rest} if rest else counts).items()))
