"""Builds the DECISIONS table from arrays: one row per session, with pointers to the kept messages."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa

from schemas.decisions import Basis, Reason, decision_of
from schemas.tables import DECISIONS, KEPT_MESSAGE, RECORD_POINTER
from transforms.decide.merge import Sessions
from transforms.shuffle.dictionaries import dictionary_column
from transforms.shuffle.instants import Bools, Ints, column_micros, utc_dates, whole


@dataclasses.dataclass(frozen=True)
class Verdicts:
    """One value per session; instants in microseconds. `rule` is an index into `reasons`.

    `kept` has message positions of all sessions; those of one session are in reading order.
    """

    rule: Ints
    reasons: list[str]
    authorized: Bools
    tier: pa.DictionaryArray
    surface: pa.DictionaryArray
    last_active: Ints
    retain_until: Ints
    row_retain_until: Ints
    kept: Ints


def decisions_table(sessions: Sessions, verdicts: Verdicts, pointers: bool) -> pa.Table:
    """DECISIONS, one row per session, in the order of `sessions`. Without `pointers`, the lists are empty."""
    count, messages = len(sessions), sessions.messages
    eligible = verdicts.rule == verdicts.reasons.index(str(Reason.ELIGIBLE))
    kept = verdicts.kept[eligible[messages.session[verdicts.kept]]]
    kept = kept[np.argsort(messages.session[kept], kind="stable")]
    known = sessions.records.select(["user_key", "conversation_key", "created_at"])
    newest = known.take(pa.array(sessions.newest))
    records, kept_messages = _empty_lists("records", count), _empty_lists("kept", count)
    if pointers:
        records, position = _records(sessions, eligible, kept)
        kept_messages = _kept(sessions, kept, position, count)
    columns = {
        "user_key": newest["user_key"],
        "conversation_key": newest["conversation_key"],
        "decision": dictionary_column(
            verdicts.rule, [str(decision_of(reason)) for reason in verdicts.reasons]
        ),
        "reason": dictionary_column(verdicts.rule, list(verdicts.reasons)),
        "basis": _basis(eligible, verdicts.authorized),
        "tier": verdicts.tier,
        "surface": verdicts.surface,
        "created_on": utc_dates(column_micros(newest["created_at"])),
        "last_active_on": utc_dates(verdicts.last_active),
        "messages_seen": _counts(messages.session, count),
        "messages_kept": _counts(messages.session[kept], count),
        "retain_until": utc_dates(verdicts.retain_until),
        "row_retain_until": _where(eligible, utc_dates(verdicts.row_retain_until)),
        "text_bytes": np.add.reduceat(whole(sessions.records["text_bytes"]), sessions.first),
        "records": records,
        "kept": kept_messages,
    }
    return pa.table(columns, schema=DECISIONS)


def _empty_lists(name: str, count: int) -> pa.Array:
    field = DECISIONS.field(name)
    return pa.ListArray.from_arrays(
        np.zeros(count + 1, np.int32), pa.array([], field.type.value_type), type=field.type
    )


def _records(sessions: Sessions, eligible: Bools, kept: Ints) -> tuple[pa.Array, Ints]:
    """The record pointers of each eligible session, newest first; and the position of each record in them."""
    owner = sessions.record_session
    used = np.zeros(len(owner), np.bool_)
    used[sessions.messages.record[kept]] = True
    used[sessions.newest[eligible]] = True
    through = np.cumsum(used)
    position: Ints = through[sessions.newest[owner]] - through
    rows = np.flatnonzero(used)
    rows = rows[np.lexsort((-rows, owner[rows]))]
    pointers = sessions.records.select([field.name for field in RECORD_POINTER]).take(pa.array(rows))
    values = pa.StructArray.from_arrays(
        [pointers[field.name].combine_chunks().cast(field.type) for field in RECORD_POINTER],
        fields=list(RECORD_POINTER),
    )
    return pa.ListArray.from_arrays(_offsets(owner[rows], len(sessions)), values), position


def _kept(sessions: Sessions, kept: Ints, position: Ints, count: int) -> pa.Array:
    messages = sessions.messages
    fields = (position[messages.record[kept]], messages.index[kept], messages.thread[kept])
    arrays = [pa.array(values).cast(field.type) for values, field in zip(fields, KEPT_MESSAGE, strict=True)]
    values = pa.StructArray.from_arrays(arrays, fields=list(KEPT_MESSAGE))
    return pa.ListArray.from_arrays(_offsets(messages.session[kept], count), values)


def _offsets(session: Ints, count: int) -> pa.Array:
    sizes = np.bincount(session, minlength=count)
    return pa.array(np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32))


def _counts(session: Ints, count: int) -> pa.Array:
    return pa.array(np.bincount(session, minlength=count).astype(np.int32))


def _basis(eligible: Bools, authorized: Bools) -> pa.DictionaryArray:
    bases = [str(Basis.USER_CONSENT), str(Basis.SEPARATE_AUTHORIZATION), None]
    return dictionary_column(np.where(eligible, authorized, 2), bases)


def _where(keep: Bools, values: pa.Array) -> pa.Array:
    """The values where `keep`, null elsewhere."""
    return values.take(pa.array(np.arange(len(keep)), mask=~keep))
