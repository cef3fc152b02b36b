"""Chooses the tier and the surface of a session whose records differ (rules 4 and 5)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from transforms.decide.merge import Sessions
from transforms.shuffle.dictionaries import by_appearance, dictionary_column
from transforms.shuffle.instants import Bools, Ints, filled
from transforms.sources.identities import THEN

#: The ledger shows this instead of a value that is in no list of the policy: it could be personal.
UNKNOWN = "unknown"
_INCLUDED, _EXCLUDED, _UNKNOWN = 0, 1, 2


@dataclasses.dataclass(frozen=True)
class Labels:
    """One label per session: a value of the policy, UNKNOWN, or null if the record has none (unknown too)."""

    value: pa.DictionaryArray
    excluded: Bools
    unknown: Bools


def deciding_labels(sessions: Sessions, column: str, included: list[str], excluded: list[str]) -> Labels:
    """The label of each session: an unknown label of its records, else an excluded one, else an included one.

    Of several, the label of the newest record counts. A value in both lists is excluded.
    """
    encoded = sessions.records[column].combine_chunks().dictionary_encode()
    values = encoded.dictionary.to_pylist()
    ranked = [_worst(value.split(THEN), included, excluded) for value in values]
    code = filled(encoded.indices, len(values))  # the last rank is that of null
    rank = np.array([*(each for each, _ in ranked), _UNKNOWN])[code]
    worst = np.maximum.reduceat(rank, sessions.first)
    deciding = _last_where(rank == worst[sessions.record_session], sessions)
    shown = [*(UNKNOWN if each == _UNKNOWN else value for each, value in ranked), None]
    value = by_appearance(dictionary_column(code[deciding], shown))
    return Labels(value, worst == _EXCLUDED, worst == _UNKNOWN)


def _worst(values: list[str], included: list[str], excluded: list[str]) -> tuple[int, str]:
    """The worst rank of the values that a record had over time, and the last value with that rank."""
    ranks = [_EXCLUDED if v in excluded else _INCLUDED if v in included else _UNKNOWN for v in values]
    worst = max(ranks)
    return worst, [value for value, rank in zip(values, ranks, strict=True) if rank == worst][-1]


def _last_where(where: Bools, sessions: Sessions) -> Ints:
    records = np.where(where, np.arange(len(where)), -1)
    last: Ints = np.maximum.reduceat(records, sessions.first)
    return last
