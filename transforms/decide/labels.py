"""The tier and surface that decide a session, where its records differ (eligibility.md, rules 4 and 5)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from transforms.decide.merge import Sessions
from transforms.shuffle.dictionaries import by_appearance, dictionary_column
from transforms.shuffle.instants import Bools, Ints, filled
from transforms.sources.identities import THEN

#: What stands in the ledger for a value that no policy list has: it could be anything.
UNKNOWN = "unknown"
_INCLUDED, _EXCLUDED, _UNKNOWN = 0, 1, 2


@dataclasses.dataclass(frozen=True)
class Labels:
    """One value a session: the policy's word, UNKNOWN, or null where the record has none (unknown, too)."""

    value: pa.DictionaryArray
    excluded: Bools
    unknown: Bools


def deciding_labels(sessions: Sessions, column: str, included: list[str], excluded: list[str]) -> Labels:
    """The label of each session: of its records' the unknown first, then the excluded, then the newest.

    A value in both lists is excluded.
    """
    encoded = sessions.records[column].combine_chunks().dictionary_encode()
    words = encoded.dictionary.to_pylist()
    ranked = [_worst(word.split(THEN), included, excluded) for word in words]
    standing = [rank for rank, _ in ranked]
    code = filled(encoded.indices, len(words))  # the last standing is that of null
    standing_of = np.array([*standing, _UNKNOWN])[code]
    worst = np.maximum.reduceat(standing_of, sessions.first)
    deciding = _last_where(standing_of == worst[sessions.record_session], sessions)
    shown = [*(UNKNOWN if rank == _UNKNOWN else word for rank, word in ranked), None]
    value = by_appearance(dictionary_column(code[deciding], shown))
    return Labels(value, worst == _EXCLUDED, worst == _UNKNOWN)


def _worst(words: list[str], included: list[str], excluded: list[str]) -> tuple[int, str]:
    """What the words that a record had one after another come to, and the last of those that decide."""
    ranks = [_EXCLUDED if w in excluded else _INCLUDED if w in included else _UNKNOWN for w in words]
    worst = max(ranks)
    return worst, [word for word, rank in zip(words, ranks, strict=True) if rank == worst][-1]


def _last_where(where: Bools, sessions: Sessions) -> Ints:
    records = np.where(where, np.arange(len(where)), -1)
    last: Ints = np.maximum.reduceat(records, sessions.first)
    return last
