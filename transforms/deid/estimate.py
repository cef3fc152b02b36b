"""A dry run's estimate of PII: a sample of eligible sessions is masked, and the spans are counted."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa

from transforms.deid.engines import EngineSpec, mask_sessions, refusal_of
from transforms.deid.kept_text import read_kept
from transforms.deid.outline import outline
from transforms.deid.spans import SessionText
from transforms.sources.base import ReadContext


class Estimate(NamedTuple):
    """The spans in one sampled session by type, and the reason if it would be refused."""

    characters: int
    entities: dict[str, int]
    refused: str | None


def count_pii(decisions: pa.Table, context: ReadContext, engine: EngineSpec) -> Iterator[Estimate]:
    """One estimate per DECISIONS row."""
    for prepared in read_kept(decisions, context):
        segments = outline(prepared.threads).segments
        text = SessionText(prepared.decision["conversation_key"], segments)
        masked = mask_sessions(engine, [text])[0]
        refusal = refusal_of(masked)
        entities = dict(masked.entities) if masked and not refusal else {}
        yield Estimate(sum(len(segment.text) for segment in segments), entities, refusal)


def estimate_of(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The estimate for the report: sessions and characters read, spans by type, refusals."""
    rows = list(entries)
    entities: collections.Counter[str] = collections.Counter()
    refused: collections.Counter[str] = collections.Counter(row["refused"] for row in rows if row["refused"])
    for row in rows:
        entities.update(row["entities"])
    return {
        "sessions": len(rows),
        "characters": sum(row["characters"] for row in rows),
        "entities": dict(sorted(entities.items())),
        "refused": dict(sorted(refused.items())),
    }
