"""Message ids of lists of turns, as digests of the history up to the message.

Records of one user whose histories are equal up to a turn have the same message ids up to it. So a record
that repeats the whole history of another one can be found by ids alone (`transforms.shuffle.histories`).
White space at the ends of a text, and thoughts, have no effect: clients change them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from schemas.records import Role
from transforms.shuffle.instants import Ints
from transforms.sources.calls.message_ids import PrefixHash, id_column, message_ids_of

#: Marks a content that is the JSON of blocks, not a text.
_BLOCKS = ("blocks",)
encode_sorted = msgspec.json.Encoder(order="sorted").encode


def history_ids(turns: Sequence[dict[str, Any]]) -> Iterator[str]:
    """The id of each turn of a record. Raises Fault for text that is not valid Unicode."""
    history = PrefixHash.begin("")
    for turn in turns:
        content = turn["content"]
        if isinstance(content, list):
            content = only_text([block for block in content if block["type"] != "thinking"])
        if isinstance(content, str):
            history = history.then(turn["role"], content.strip())
        else:
            history = history.then(turn["role"], encode_sorted(content).decode(), *_BLOCKS)
        yield history.message_id


def history_ids_of(counts: Ints, roles: Sequence[Role], contents: Sequence[str | bytes]) -> pa.Array:
    """`history_ids` of records without thoughts, one after another.

    `counts`: turns per record. `contents`: the text of each turn, or the JSON of its blocks as bytes.
    """
    texts = [each.strip() if isinstance(each, str) else each.decode() for each in contents]
    blocks = {place: _BLOCKS for place, each in enumerate(contents) if isinstance(each, bytes)}
    counts = counts[counts > 0]
    if not len(counts):
        return pa.array([], pa.string())
    return id_column(message_ids_of([""] * len(counts), counts, roles, texts, blocks))


def only_text(content: Any) -> Any:
    """The text of a content with one text block and nothing else; any other content unchanged."""
    if isinstance(content, list) and len(content) == 1 and content[0]["type"] == "text":
        return content[0]["text"]
    return content
