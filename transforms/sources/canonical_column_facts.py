"""FACTS straight from the columns of canonical Parquet, without making a Python object of a message.

Rows that are out of the ordinary are not judged here: they are named, and read one by one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import Defaults, Limits
from schemas.tables import ANSWER, FACTS, HUMAN, INSTANT, KEY, UNREAD
from schemas.units import Unit
from transforms.digests import keys, mapped, message_numbers
from transforms.identities import Identities, Owner, label, owner_of
from transforms.message_facts import thread_of, value_size
from transforms.sources.base import ReadContext
from transforms.sources.canonical_columns import (
    BLOCK_TEXTS,
    MESSAGE_TEXTS,
    ROW_TEXTS,
    Bools,
    Columns,
    Ints,
    OddSchema,
    ints,
    mask,
    taken_apart,
)
from transforms.sources.decode import EARLIEST, LATEST, Fault, check_value, present

_ROLES = pa.array(["system", "user", "assistant", "tool"])
_ORIGINS = pa.array(["human", "model", "tool", "harness", "summary"])
#: What a batch lacks of texts. read: nothing but sizes, for all that can be said is there; none: the file has
#: none; blocks or messages: each text block, or each message, is known to have one that is not blank.
Unread = Literal["read", "none", "blocks", "messages"]

#: JSON of a string is at most this many times its UTF-8, and of a message without its strings this long.
#: An odd number of well-mixed bits: multiples of it hardly ever differ by what numbers of messages do.
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_ESCAPED, _FRAME_BYTES = 6, 512


def column_facts(
    batch: pa.RecordBatch,
    first_row: int,
    unit: str,
    input_number: int,
    context: ReadContext,
    unread: Unread | None = None,
) -> tuple[pa.Table, Ints]:
    """FACTS of the batch's ordinary rows, and the positions in the batch of the others, ascending.

    `unread` None: the batch has all columns of a session.
    """
    everything = np.arange(batch.num_rows)
    try:
        batch.validate(full=True)
        columns = taken_apart(batch)
        numbers = message_numbers(columns.messages["message_id"], context.hasher)
        odd = _odd_rows(columns, numbers, batch.num_rows, context.limits)
        ordinary = np.flatnonzero(~odd)
        if odd.any() and unread is None:
            columns = taken_apart(batch.take(pa.array(ordinary)))
            numbers = message_numbers(columns.messages["message_id"], context.hasher)
            table = _facts(columns, numbers, ordinary + first_row, unit, input_number, context, unread)
        else:
            table = _facts(columns, numbers, everything + first_row, unit, input_number, context, unread)
            table = table.filter(pa.array(~odd)) if odd.any() else table
    except (pa.ArrowException, OddSchema):
        return FACTS.empty_table(), everything
    return table, np.flatnonzero(odd)


def _odd_rows(columns: Columns, numbers: Ints, size: int, limits: Limits) -> Bools:
    rows, messages, blocks = columns.rows, columns.messages, columns.blocks
    odd: Bools = (columns.lengths < 0) | (columns.lengths > limits.max_messages)
    odd |= ~_not_blank(rows["conversation_id"])
    odd |= mask(rows["created_at"].is_null()) | _impossible(rows["created_at"])
    odd |= _impossible(rows["deleted_at"])
    bad = columns.null_message | _empty(messages["message_id"])
    bad |= ~mask(pc.is_in(messages["role"], value_set=_ROLES))
    bad |= ~mask(pc.or_(messages["origin"].is_null(), pc.is_in(messages["origin"], value_set=_ORIGINS)))
    bad |= mask(messages["sent_at"].is_null()) | _impossible(messages["sent_at"])
    bad[columns.message_of[columns.odd_block | mask(blocks["type"].is_null())]] = True
    bad[columns.message_of[_strange_inputs(blocks["input"])]] = True
    odd[columns.row_of[bad]] = True
    if _may_repeat(columns.row_of, numbers):
        odd[_rows_with_copies(columns)] = True
    in_block = _all_bytes(blocks, BLOCK_TEXTS)
    in_message = _all_bytes(messages, (*MESSAGE_TEXTS, "content"))
    in_message += _total(in_block, columns.message_of, len(in_message))
    in_row = _all_bytes(rows, ROW_TEXTS) + _total(in_message, columns.row_of, size)
    odd |= in_row * _ESCAPED > limits.max_record_bytes
    return odd


def _facts(
    columns: Columns,
    numbers: Ints,
    row: Ints,
    unit: str,
    input_number: int,
    context: ReadContext,
    unread: Unread | None,
) -> pa.Table:
    rows, messages, hasher = columns.rows, columns.messages, context.hasher
    defaults, rows, named = context.defaults[input_number], dict(rows), label
    if (identities := context.identities_of(input_number)) is not None:
        rows |= _owners(columns, identities, owner_of(defaults), Unit.decode(unit).paths)
        defaults, named = Defaults(), present
    flags, sizes = _flags_and_sizes(columns, unread)
    flat = {
        "message_id": pa.array(numbers),
        "message_parent": pa.array(message_numbers(messages["parent_id"], hasher)),
        "message_sent_at": messages["sent_at"],
        "message_flags": pa.array(flags),
        "message_thread": mapped(messages["thread"], lambda name: thread_of(name, hasher), pa.int64()),
    }
    offsets = pa.array(
        list(itertools.accumulate(np.maximum(columns.lengths, 0).tolist(), initial=0)), pa.int32()
    )
    nowhere = pa.array(np.zeros(len(row), np.int64))
    current = message_numbers(rows["current_message_id"], hasher)
    made: dict[str, Any] = {
        "user_key": _keys_or(rows["user_id"], defaults.user_id, hasher.user),
        "conversation_key": keys(
            rows["conversation_id"].cast(pa.binary()).fill_null(b"").to_pylist(), hasher
        ),
        "organization_key": _keys_or(rows["organization_id"], defaults.organization_id, hasher.organization),
        "tier": mapped(rows["tier"], lambda text: named(text) or defaults.tier, pa.string()),
        "surface": mapped(rows["surface"], lambda text: named(text) or defaults.surface, pa.string()),
        "created_at": rows["created_at"],
        "deleted_at": rows["deleted_at"],
        "incognito": rows["incognito"].fill_null(False),
        "current_message": pa.array(current, mask=current == 0),
        "text_bytes": pa.array(
            _total(sizes, columns.row_of, len(row)) if unread is None else np.full(len(row), UNREAD)
        ),
        "unit": pa.repeat(pa.scalar(unit), len(row)),
        "row": pa.array(row),
        "offset": nowhere,
        "length": nowhere,
    }
    made |= {name: pa.ListArray.from_arrays(offsets, values) for name, values in flat.items()}
    return pa.table([made[name] for name in FACTS.names], schema=FACTS)


_READ = dict(zip(Owner._fields, (present, present, label, label), strict=True))


def _owners(
    columns: Columns, identities: Identities, defaults: Owner, paths: Sequence[str]
) -> dict[str, pa.Array]:
    """The columns of an Owner, filled in for each row."""
    rows, size = columns.rows, len(columns.lengths)
    said = [[read(text) for text in rows[name].to_pylist()] for name, read in _READ.items()]
    created = rows["created_at"].to_pylist()
    sent = columns.messages["sent_at"].to_pylist()
    ends = list(itertools.accumulate(np.maximum(columns.lengths, 0).tolist(), initial=0))
    found = [
        identities.owner(Owner(*who), defaults, min(instants), max(instants), paths)
        for row, who in zip(range(size), zip(*said, strict=True), strict=True)
        if (instants := [at for at in (created[row], *sent[ends[row] : ends[row + 1]]) if at] or [EARLIEST])
    ]
    return {
        name: pa.array([owner[n] for owner in found], pa.string()) for n, name in enumerate(Owner._fields)
    }


def _keys_or(texts: pa.Array, default: str | None, digest: Callable[[str], bytes]) -> pa.Array:
    """KEY of each text, of the default where there is none, else null."""

    def key(text: str | None) -> bytes | None:
        owner = present(text) or default
        return digest(owner) if owner else None

    return mapped(texts, key, KEY)


def _flags_and_sizes(columns: Columns, unread: Unread | None) -> tuple[npt.NDArray[np.uint8], Ints]:
    """HUMAN and ANSWER of each message, and characters of its text, as facts.py defines them."""
    messages, blocks, size = columns.messages, columns.blocks, len(columns.null_message)
    says = _not_blank(messages["content"]) | (unread == "messages")
    visible = _not_blank(blocks["text"]) | (unread == "blocks")
    says[columns.message_of[_equal(blocks["type"], "text") & visible]] = True
    calls = np.zeros(size, np.bool_)
    calls[columns.message_of[_equal(blocks["type"], "tool_use")]] = True
    unsaid = mask(messages["origin"].is_null())
    human = _equal(messages["role"], "user") & (_equal(messages["origin"], "human") | (unsaid & says))
    model = _equal(messages["role"], "assistant") & (_equal(messages["origin"], "model") | unsaid)
    flags = (human * HUMAN + (model & (says | calls)) * ANSWER).astype(np.uint8)
    if unread is not None:
        return flags, np.zeros(size, np.int64)
    text = _characters(blocks["text"])
    in_block = np.where(text > 0, text, _characters(blocks["thinking"])) + _characters(blocks["content"])
    for place in np.flatnonzero(mask(blocks["input"].is_valid())).tolist():
        in_block[place] += value_size(json_or_text(blocks["input"][place].as_py()))
    return flags, _characters(messages["content"]) + _total(in_block, columns.message_of, size)


def _may_repeat(row_of: Ints, numbers: Ints) -> bool:
    """False only if no row has two messages of one number: one sort, where finding the rows takes several."""
    mixed = np.sort(numbers.view(np.uint64) ^ (row_of.astype(np.uint64) * _SPREAD))
    return bool((mixed[1:] == mixed[:-1]).any())


def _rows_with_copies(columns: Columns) -> Ints:
    """Rows in which a message id stands more than once."""
    code = ints(columns.messages["message_id"].dictionary_encode().indices, -1)
    pair = columns.row_of * (code.max(initial=0) + 2) + code + 1
    order = np.argsort(pair, kind="stable")
    again = np.flatnonzero(pair[order][1:] == pair[order][:-1])
    return columns.row_of[order[again]]


def json_or_text(text: str) -> Any:
    """The value of JSON text, or the text itself where it is none."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _strange_inputs(texts: pa.Array) -> Ints:
    """The blocks whose tool input is too deep or not finite."""
    strange = []
    for place in np.flatnonzero(mask(texts.is_valid())).tolist():
        try:
            check_value(json_or_text(texts[place].as_py()), None)
        except Fault:
            strange.append(place)
    return np.array(strange, np.int64)


def _not_blank(texts: pa.Array) -> Bools:
    if texts.null_count == len(texts):
        return np.zeros(len(texts), np.bool_)
    # Most texts hold a visible ASCII character; what is blank among the others is Python's to say.
    visible = mask(pc.match_substring_regex(texts, "[!-~]"))
    for place in np.flatnonzero(~visible & mask(texts.is_valid())).tolist():
        visible[place] = present(texts[place].as_py()) is not None
    return visible


def _impossible(instants: pa.Array) -> Bools:
    low, high = pa.scalar(EARLIEST, INSTANT), pa.scalar(LATEST, INSTANT)
    return mask(pc.or_(pc.less(instants, low), pc.greater(instants, high)))


def _equal(texts: pa.Array, text: str) -> Bools:
    return mask(pc.equal(texts, text))


def _empty(texts: pa.Array) -> Bools:
    empty: Bools = _bytes(texts) == 0
    return empty


def _bytes(texts: pa.Array) -> Ints:
    return ints(pc.binary_length(texts), 0)


def _all_bytes(fields: dict[str, pa.Array], names: tuple[str, ...]) -> Ints:
    """An upper bound of the JSON without escapes of each row of some fields."""
    total: Ints = np.sum([_bytes(fields[name]) for name in names], axis=0) + _FRAME_BYTES
    return total


def _characters(texts: pa.Array) -> Ints:
    return ints(pc.utf8_length(texts), 0)


def _total(values: Ints, of: Ints, size: int) -> Ints:
    return np.bincount(of, weights=values, minlength=size).astype(np.int64)
