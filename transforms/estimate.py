"""A dry run's estimate of PII: a sample of eligible sessions is masked, and only counted."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam

from schemas.tables import DECISIONS
from transforms.deid.spans import SessionText
from transforms.deidentify import read_kept
from transforms.engines import EngineSpec, mask_sessions, refusal_of
from transforms.entries import entry
from transforms.guard import guarded
from transforms.ipc import tables_of, to_blob
from transforms.rows import outline
from transforms.sources import ReadContext
from transforms.spill import Spill


@dataclasses.dataclass(eq=False)
class EstimatePii(beam.PTransform):  # type: ignore[misc]
    """`estimate` entries of the `sessions` eligible sessions with the smallest keys: counts, no text.

    In: (work, blob of settled decisions), as the text pass gets them. Keys are digests, so the smallest are
    a fair sample, and the same one in every run with that key.
    """

    sessions: int
    context: ReadContext
    engine: EngineSpec
    spill: Spill | None

    def expand(self, works: Any) -> Any:
        smallest = beam.combiners.Top.Of(self.sessions, key=_key_of, reverse=True)
        return (
            works
            | "One by one" >> beam.ParDo(_Candidates(self.sessions, self.spill))
            | "Sample" >> smallest
            | "Sampled" >> beam.FlatMap(_pairs)
            | "Spread sampled" >> beam.Reshuffle()
            | "Count PII" >> beam.ParDo(_CountPii(self.context, self.engine))
        )


class _Candidates(beam.DoFn):  # type: ignore[misc]
    def __init__(self, sessions: int, spill: Spill | None) -> None:
        self._sessions, self._spill = sessions, spill

    @guarded("Sample")
    def process(self, item: tuple[str, bytes]) -> Iterator[tuple[bytes, str, bytes]]:
        work, blob = item
        table = tables_of([blob], {"decisions": DECISIONS}, self._spill)["decisions"]
        keys = table["conversation_key"].to_pylist()
        for place in sorted(range(len(keys)), key=keys.__getitem__)[: self._sessions]:
            yield keys[place], work, to_blob(table.slice(place, 1), "decisions")


class _CountPii(beam.DoFn):  # type: ignore[misc]
    def __init__(self, context: ReadContext, engine: EngineSpec) -> None:
        self._context, self._engine = context, engine

    @guarded("Count PII")
    def process(self, item: tuple[str, bytes]) -> Iterator[bytes]:
        work, blob = item
        table = tables_of([blob], {"decisions": DECISIONS})["decisions"]
        for prepared in read_kept(work, table, self._context):
            segments = outline(prepared.threads).segments
            text = SessionText(prepared.decision["conversation_key"], segments)
            masked = mask_sessions(self._engine, [text])[0]
            refusal = refusal_of(masked)
            entities = dict(masked.entities) if masked and not refusal else {}
            characters = sum(len(segment.text) for segment in segments)
            yield entry("estimate", characters=characters, entities=entities, refused=refusal)


def estimate_of(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The estimate for the report: sessions and characters looked at, stretches found by type, refusals."""
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


def _key_of(candidate: tuple[bytes, str, bytes]) -> bytes:
    return candidate[0]


def _pairs(sample: list[tuple[bytes, str, bytes]]) -> list[tuple[str, bytes]]:
    return [(work, blob) for _, work, blob in sample]
