"""Flags, sizes and thread numbers of many messages at once."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.keys import KeyedHasher
from schemas.records import MAIN_THREAD, Block, Message
from schemas.tables import ANSWER, HUMAN
from transforms.shuffle.instants import Ints

Bools = npt.NDArray[np.bool_]
Flags = npt.NDArray[np.uint8]

#: Speakers by role and origin: a person with any content, a person if there is visible text, the model.
_PERSON, _PERSON_IF_TEXT, _MODEL = 1, 2, 3
_SPEAKERS = {
    ("user", "human"): _PERSON,
    ("user", None): _PERSON_IF_TEXT,
    ("assistant", None): _MODEL,
    ("assistant", "model"): _MODEL,
}
_SPEAKERS_WITHOUT_ORIGIN = {role: speaker for (role, origin), speaker in _SPEAKERS.items() if origin is None}


class _Content:
    """Of each message: whether it has visible text, whether it calls a tool, and its size in characters."""

    def __init__(self, contents: list[Any]) -> None:
        kinds = {*map(type, contents)}
        plain = contents if kinds == {str} else [c if c.__class__ is str else "" for c in contents]
        self.sizes = sizes_of(plain)
        self.has_text = has_visible_text(plain, self.sizes)
        self.calls_tool = np.zeros(len(contents), np.bool_)
        if list in kinds:
            self._add_blocks([c if c.__class__ is list else () for c in contents])

    def _add_blocks(self, lists: list[Sequence[Block]]) -> None:
        blocks = [*itertools.chain.from_iterable(lists)]
        kinds, texts = [block.type for block in blocks], [block.text or "" for block in blocks]
        sizes = sizes_of(texts)
        has_text = has_visible_text(texts, sizes) & _equal(kinds, "text")
        calls_tool = _equal(kinds, "tool_use")
        for place in [n for n, b in enumerate(blocks) if b.thinking or b.content or b.input]:
            block = blocks[place]
            if block.thinking and not block.text:
                sizes[place] = len(block.thinking)
            sizes[place] += value_size(block.content) + value_size(block.input)
        counts = sizes_of(lists)
        if len(blocks) == len(lists) and (counts == 1).all():
            self.has_text |= has_text
            self.calls_tool |= calls_tool
            self.sizes += sizes
            return
        owner = np.repeat(np.arange(len(lists)), counts)
        self.has_text[owner[has_text]] = True
        self.calls_tool[owner[calls_tool]] = True
        self.sizes += np.bincount(owner, weights=sizes, minlength=len(lists)).astype(np.int64)


def flags_and_sizes(messages: Sequence[Message]) -> tuple[Flags, Ints]:
    """The flags HUMAN and ANSWER of each message (docs/reference/policy.md), and its size in characters."""
    roles, origins = [m.role for m in messages], [m.origin for m in messages]
    if any(origins):
        speaking = map(_SPEAKERS.get, zip(roles, origins, strict=True), itertools.repeat(0))
    else:
        speaking = map(_SPEAKERS_WITHOUT_ORIGIN.get, roles, itertools.repeat(0))
    speaker = np.frombuffer(bytes(speaking), np.uint8)
    content = _Content([message.content for message in messages])
    human = (speaker == _PERSON) | ((speaker == _PERSON_IF_TEXT) & content.has_text)
    answer = (speaker == _MODEL) & (content.has_text | content.calls_tool)
    return (human * HUMAN + answer * ANSWER).astype(np.uint8), content.sizes


def threads_of(messages: Sequence[Message], hasher: KeyedHasher) -> Ints:
    """`thread_of` of each message."""
    names = [message.thread for message in messages]
    number = {name: thread_of(name, hasher) for name in set(names)}
    if not any(number.values()):
        return np.zeros(len(names), np.int64)
    return np.fromiter([number[name] for name in names], np.int64, len(names))


def thread_of(thread: str | None, hasher: KeyedHasher) -> int:
    """0 for the main thread, else a number of the thread's name."""
    return 0 if not thread or thread == MAIN_THREAD else hasher.message(f"thread\0{thread}")


def text_bytes(message: Message) -> int:
    """Size of one message's text. In characters for speed: it is an estimate that only sizes shards."""
    content = message.content
    if content is None or isinstance(content, str):
        return len(content or "")
    return sum(
        len(block.text or block.thinking or "") + value_size(block.content) + value_size(block.input)
        for block in content
    )


def value_size(value: Any) -> int:
    """Characters of all strings in a tool input or result."""
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        values = value.values()
        return sum(map(len if {*map(type, values)} == {str} else value_size, values))
    if isinstance(value, Block):
        return len(value.text or "")
    return sum(map(value_size, value)) if isinstance(value, list) else 0


def sizes_of(texts: Sequence[Any]) -> Ints:
    """The length of each item."""
    return np.fromiter(map(len, texts), np.int64, len(texts))


def has_visible_text(texts: Sequence[str], sizes: Ints) -> Bools:
    """True for texts with more than white space; most texts have more."""
    visible = sizes > 0
    if any(map(str.isspace, texts)):
        visible &= ~np.fromiter(map(str.isspace, texts), np.bool_, len(texts))
    return visible


def _equal(texts: Sequence[str], text: str) -> Bools:
    count = texts.count(text)
    if count in (0, len(texts)):
        return np.full(len(texts), count > 0)
    return np.fromiter([each == text for each in texts], np.bool_, len(texts))
