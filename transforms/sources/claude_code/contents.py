"""Contents of Claude Code messages as they were decoded: of each block what is read of its kind, no more."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from schemas.records import Block
from transforms.sources.accounting import dropped, note_block
from transforms.sources.claude_code.lines import DROPPED_BLOCKS, LineFault, blocks_of
from transforms.sources.decode import MAX_NESTING

#: What is read of a block by its kind; of any other nothing is.
_READ = {
    "text": {"text"},
    "thinking": {"thinking"},
    "tool_use": {"id", "name", "input"},
    "tool_result": {"tool_use_id", "content", "is_error"},
}
_FIELDS = frozenset(Block.__struct_fields__) - {"type"}


class Odd(Exception):  # noqa: N818 - not a fault: such a line is parsed with care
    """A line that is not as it should be."""


def tidy(lists: Sequence[list[Block]]) -> None:
    """Changes blocks to what is read of their kind; raises Odd before anything is changed."""
    blocks = [*itertools.chain.from_iterable(lists)]
    texts = blocks
    if [block.type for block in blocks].count("text") < len(blocks):
        texts = [block for block in blocks if block.type == "text"]
        others = [block for block in blocks if block.type != "text"]
        if not are_shallow([block.input for block in others]):
            raise Odd
        _tidy_results([block for block in others if block.type == "tool_result"])
        for block in others:
            if _says_more(block):
                _strip(block)
        if any(block.type in DROPPED_BLOCKS for block in others):
            _drop(lists)
    for block in [
        block
        for block in texts
        if block.text is None
        or block.thinking is not None
        or block.id is not None
        or block.name is not None
        or block.input is not None
        or block.tool_use_id is not None
        or block.content is not None
        or block.is_error is not None
    ]:
        _strip(block)


def are_shallow(values: Sequence[Any]) -> bool:
    """True only if none of the values is nested too deep; numbers that are decoded are finite anyway."""
    level = [value for value in values if value.__class__ is dict or value.__class__ is list]
    for _ in range(MAX_NESTING):
        if not level:
            return True
        level = [
            inner
            for value in level
            for inner in (value.values() if value.__class__ is dict else value)
            if inner.__class__ is dict or inner.__class__ is list
        ]
    return False


def _tidy_results(results: Sequence[Block]) -> None:
    """Gives the results of tools their blocks, decoded without a type; raises Odd before any is changed."""
    inner = [_inner(block.content) for block in results]
    for block, content in zip(results, inner, strict=True):
        block.content, block.is_error = content, block.is_error or None


def _inner(content: Any) -> Any:
    if content is None or content.__class__ is str:
        return content
    if content.__class__ is not list:
        raise Odd
    try:
        return blocks_of(content)
    except LineFault:
        raise Odd from None


def _says_more(block: Block) -> bool:
    """Whether a block that is no text may hold what is not read of its kind, or lack what is."""
    kind = block.type
    if kind == "tool_use":
        return not (
            block.text is None
            and block.thinking is None
            and block.tool_use_id is None
            and block.content is None
            and block.is_error is None
        )
    if kind == "tool_result":
        return not (
            block.text is None
            and block.thinking is None
            and block.id is None
            and block.name is None
            and block.input is None
        )
    return True


def _strip(block: Block) -> None:
    for name in _FIELDS - _READ.get(block.type, set()):
        setattr(block, name, None)
    if block.type == "text":
        block.text = block.text or ""
    elif block.type == "thinking":
        block.thinking = block.thinking or ""


def _drop(lists: Sequence[list[Block]]) -> None:
    for blocks in lists:
        for block in blocks:
            if block.type in DROPPED_BLOCKS:
                note_block(dropped(block.type))
        blocks[:] = [block for block in blocks if block.type not in DROPPED_BLOCKS]
