"""A batch of sessions masked together: their training rows, and what the next run needs to know of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from schemas.decisions import DEID_FAILED
from schemas.state import ROW_STATE
from schemas.tables import CATEGORY
from transforms.deid.engines import EngineSpec, mask_sessions
from transforms.deid.kept_text import Prepared, read_kept
from transforms.deid.outline import Outline, outline
from transforms.deid.spans import SessionText
from transforms.deid.training_rows import rows_of
from transforms.shuffle.fragments import FRAGMENT
from transforms.sources.base import ReadContext

_BATCH_SESSIONS = 64
_BATCH_CHARS = 1 << 20
_SESSIONS = pa.schema([*ROW_STATE, ("surface", CATEGORY)])


class MaskedBatch(NamedTuple):
    """`rows`: FRAGMENT. `sessions`: ROW_STATE of all sessions, with the column `surface`."""

    rows: pa.Table
    sessions: pa.Table


def masked_batches(
    decisions: pa.Table, context: ReadContext, engine: EngineSpec, policy_id: str
) -> Iterator[MaskedBatch]:
    """The sessions of TO_MASK rows, read and masked some at a time; raises what `read_kept` raises."""
    batch: list[tuple[Prepared, Outline]] = []
    chars = 0
    for prepared in read_kept(decisions, context):
        outlined = outline(prepared.threads)
        batch.append((prepared, outlined))
        chars += sum(len(segment.text) for segment in outlined.segments)
        if len(batch) >= _BATCH_SESSIONS or chars >= _BATCH_CHARS:
            yield _masked(batch, engine, policy_id)
            batch, chars = [], 0
    if batch:
        yield _masked(batch, engine, policy_id)


def _masked(batch: Sequence[tuple[Prepared, Outline]], engine: EngineSpec, policy_id: str) -> MaskedBatch:
    texts = [SessionText(p.decision["conversation_key"], o.segments) for p, o in batch]
    rows: list[dict[str, Any]] = []
    sessions: list[dict[str, Any]] = []
    for (prepared, outlined), masked in zip(batch, mask_sessions(engine, texts), strict=True):
        decision = prepared.decision
        refusal = masked.refusal if masked else DEID_FAILED
        if masked and not refusal:
            rows.extend(rows_of(decision, outlined, masked, policy_id))
        sessions.append(
            {
                "conversation_key": decision["conversation_key"],
                "text_digest": decision["text_digest"],
                "characters": sum(len(segment.text) for segment in outlined.segments),
                "dropped_blocks": outlined.dropped,
                "masked_again": masked.masked_again if masked else 0,
                "refusal": str(refusal) if refusal else None,
                "surface": decision["surface"],
            }
        )
    return MaskedBatch(
        pa.Table.from_pylist(rows, schema=FRAGMENT), pa.Table.from_pylist(sessions, schema=_SESSIONS)
    )
