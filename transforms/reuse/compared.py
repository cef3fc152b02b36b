"""Compares rows that were taken over with those that masking gives."""

from __future__ import annotations

import collections
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from schemas.keys import KEY_BYTES

Side = Literal["taken", "masked"]
_FIGURES = ["conversation_key", "characters", "dropped_blocks", "masked_again", "refusal"]
#: A value begins with it, and so with no mark of a blob (`transforms.shuffle.spill`).
_SIDES: dict[Side, bytes] = {"taken": b"t", "masked": b"m"}
#: Stands for a session that could not be taken over, so that there is nothing to compare.
_NOTHING = b""
_MOST_KEYS = 5


class Compared(NamedTuple):
    """How many sessions were compared, how many of them differ, and keys of some of these in hex."""

    sessions: int
    different: int
    keys: list[str]


def session_digests(rows: pa.Table, sessions: pa.Table, side: Side) -> Iterator[bytes]:
    """One value per session: the side, its key, and a digest of all columns of its rows and of its figures.

    `rows` are FRAGMENT rows, `sessions` have the figures of ROW_STATE.
    """
    of: dict[bytes, list[dict[str, Any]]] = collections.defaultdict(list)
    for row in rows.sort_by([("key", "ascending"), ("ordinal", "ascending")]).to_pylist():
        of[row["key"]].append(row)
    for session in sessions.select(_FIGURES).to_pylist():
        key = session["conversation_key"]
        values = repr((sorted(session.items()), of[key])).encode("utf-8", "surrogatepass")
        yield _SIDES[side] + key + hashlib.sha256(values).digest()


def not_taken(sessions: pa.Table) -> Iterator[bytes]:
    """One value per session that could not be taken over."""
    for key in sessions["conversation_key"].to_pylist():
        yield _SIDES["taken"] + key + _NOTHING


def group_of(value: bytes, groups: int) -> int:
    """The group of a value; those of one session are in one group."""
    return value[1] % groups


def compare(values: Iterable[bytes]) -> Compared:
    """Compares the two values of each session. A session with one value only is different."""
    found: dict[bytes, dict[bytes, bytes]] = collections.defaultdict(dict)
    for value in values:
        found[value[1 : 1 + KEY_BYTES]][value[:1]] = value[1 + KEY_BYTES :]
    pairs = {key: sides for key, sides in found.items() if sides.get(_SIDES["taken"]) != _NOTHING}
    different = sorted(
        key.hex() for key, sides in pairs.items() if sides.get(_SIDES["taken"]) != sides.get(_SIDES["masked"])
    )
    return Compared(len(pairs), len(different), different[:_MOST_KEYS])
