"""The text pass: reads only what is kept, masks it, and stages de-identified rows."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.transforms.window import GlobalWindows

from schemas.decisions import DEID_FAILED
from schemas.errors import PipelineError
from schemas.records import Message, Session
from schemas.tables import DECISIONS, KEY
from schemas.units import Unit
from transforms.counters import CHARACTERS_MASKED, SESSIONS_MASKED
from transforms.deid.spans import Masked, SessionText
from transforms.engines import EngineSpec, mask_sessions
from transforms.entries import ENTRIES, entry
from transforms.guard import guarded
from transforms.ipc import part_of_keys, slices_by_part, tables_of, to_blob
from transforms.rows import Outline, outline, training_messages
from transforms.shards import FRAGMENT, write_fragment
from transforms.sizes import Sizes
from transforms.sources import Pointer, ReadContext, read_sessions
from transforms.spill import Spill

REFUSALS = "refusals"
REFUSAL = pa.schema([("conversation_key", KEY), ("reason", pa.string())])
_BATCH_SESSIONS = 64
_BATCH_CHARS = 1 << 20
_FLUSH_BYTES = 64 << 20
_Place = tuple[str, int]
_CHANGED = "De-identify: an input changed while it was read; run again on settled files"


@dataclasses.dataclass(eq=False)
class DeidentifySessions(beam.PTransform):  # type: ignore[misc]
    """Staged rows of eligible sessions. In: (work, blobs of settled decisions), grouped.

    Out: `fragments` (shard, range), `refusals` (ledger part, blob) and `entries`. Nothing raw leaves:
    neither text nor ids, and what is staged in `staging` is de-identified.
    """

    context: ReadContext
    engine: EngineSpec
    policy_id: str
    staging: str
    sizes: Any
    spill: Spill | None

    def expand(self, works: Any) -> Any:
        reader = _Deidentify(self.context, self.engine, self.policy_id, self.staging, self.spill)
        return works | "De-identify" >> beam.ParDo(reader, self.sizes).with_outputs(
            REFUSALS, ENTRIES, main="fragments"
        )


class Prepared(NamedTuple):
    """One eligible session: its decision row, and its kept text by thread."""

    decision: dict[str, Any]
    threads: list[list[Message]]


def read_kept(work: str, decisions: pa.Table, context: ReadContext) -> Iterator[Prepared]:
    """The kept messages of each decision row, read from the unit of the work and any other it points to."""
    home = work.split(" ", 1)[1]
    waiting = decisions.to_pylist()
    foreign = {
        (pointer["unit"], pointer["row"]): pointer
        for decision in waiting
        for pointer in decision["records"]
        if len(decision["records"]) > 1
    }
    held = dict(_read_places(list(foreign.values()), context))
    alone = {d["records"][0]["row"]: d for d in waiting if len(d["records"]) == 1}
    pointers = [d["records"][0] for d in alone.values()]
    for place, session in _read_places(pointers, context):
        if place[0] != home:
            raise PipelineError("De-identify: a session was sent to the wrong unit")
        decision = alone.pop(place[1])
        yield Prepared(decision, _threads(decision, {place: session}))
    for decision in waiting:
        if len(decision["records"]) > 1:
            yield Prepared(decision, _threads(decision, held))
    if alone:
        raise PipelineError(_CHANGED)


def _read_places(
    pointers: Sequence[dict[str, Any]], context: ReadContext
) -> Iterator[tuple[_Place, Session]]:
    by_unit: dict[str, list[Pointer]] = collections.defaultdict(list)
    for pointer in pointers:
        by_unit[pointer["unit"]].append(Pointer(pointer["row"], pointer["offset"], pointer["length"]))
    for unit in sorted(by_unit):
        for row, session in read_sessions(Unit.decode(unit), context, sorted(by_unit[unit])):
            yield (unit, row), session


def _threads(decision: dict[str, Any], sessions: dict[_Place, Session]) -> list[list[Message]]:
    places = [(pointer["unit"], pointer["row"]) for pointer in decision["records"]]
    threads: dict[int, list[Message]] = {}
    try:
        for kept in decision["kept"]:
            message = sessions[places[kept["record"]]].messages[kept["index"]]
            threads.setdefault(kept["thread"], []).append(message)
    except (KeyError, IndexError):
        raise PipelineError(_CHANGED) from None
    return list(threads.values())


class _Written:
    """Sums over sessions that are written: how many, their characters before masking, what was replaced."""

    def __init__(self) -> None:
        self.sessions = self.characters = 0
        self.entities: collections.Counter[str] = collections.Counter()

    def add(self, outlined: Outline, masked: Masked) -> None:
        self.sessions += 1
        self.characters += sum(len(segment.text) for segment in outlined.segments)
        self.entities.update(masked.entities)

    def figures(self) -> dict[str, Any]:
        entities = dict(sorted(self.entities.items()))
        return {"sessions": self.sessions, "characters": self.characters, "entities": entities}


class _Deidentify(beam.DoFn):  # type: ignore[misc]
    def __init__(
        self, context: ReadContext, engine: EngineSpec, policy_id: str, staging: str, spill: Spill | None
    ) -> None:
        self._spill = spill
        self._context, self._engine, self._policy_id = context, engine, policy_id
        self._staging = Path(staging) / "fragments"
        self._sessions_masked = Metrics.counter("chatsieve", SESSIONS_MASKED)
        self._characters_masked = Metrics.counter("chatsieve", CHARACTERS_MASKED)
        self._rows: list[pa.Table] = []
        self._bytes = 0
        self._sizes = Sizes(1, 1)

    def start_bundle(self) -> None:
        self._rows, self._bytes = [], 0

    @guarded("De-identify")
    def process(self, item: tuple[str, Iterable[bytes]], sizes: Sizes) -> Iterator[Any]:
        self._sizes = Sizes(*sizes)
        work, blobs = item
        decisions = tables_of(blobs, {"decisions": DECISIONS}, self._spill)["decisions"]
        batch: list[tuple[Prepared, Outline]] = []
        chars = 0
        for prepared in read_kept(work, decisions, self._context):
            outlined = outline(prepared.threads)
            batch.append((prepared, outlined))
            chars += sum(len(segment.text) for segment in outlined.segments)
            if len(batch) >= _BATCH_SESSIONS or chars >= _BATCH_CHARS:
                yield from self._mask(batch)
                batch, chars = [], 0
        yield from self._mask(batch)

    @guarded("De-identify")
    def finish_bundle(self) -> Iterator[Any]:
        for pair in self._drain():
            yield GlobalWindows.windowed_value_at_end_of_window(pair)

    def _mask(self, batch: list[tuple[Prepared, Outline]]) -> Iterator[Any]:
        if not batch:
            return
        texts = [SessionText(p.decision["conversation_key"], o.segments) for p, o in batch]
        rows: list[dict[str, Any]] = []
        refused: list[dict[str, Any]] = []
        again = sessions_again = 0
        written: dict[str, _Written] = collections.defaultdict(_Written)
        for (prepared, outlined), masked in zip(batch, mask_sessions(self._engine, texts), strict=True):
            key = prepared.decision["conversation_key"]
            again += masked.masked_again if masked else 0
            sessions_again += masked is not None and masked.masked_again > 0
            if masked is None or masked.refusal:
                reason = masked.refusal if masked else DEID_FAILED
                refused.append({"conversation_key": key, "reason": str(reason)})
            else:
                rows.extend(_rows(prepared.decision, outlined, masked, self._policy_id))
                written[prepared.decision["surface"]].add(outlined, masked)
        characters = sum(len(segment.text) for text in texts for segment in text.segments)
        self._sessions_masked.inc(len(batch))
        self._characters_masked.inc(characters)
        table = pa.Table.from_pylist(refused, schema=REFUSAL)
        parts = part_of_keys(table["conversation_key"], self._sizes.ledger_parts)
        for part, some in slices_by_part(table, parts):
            yield beam.pvalue.TaggedOutput(REFUSALS, (part, to_blob(some, "refusals")))
        dropped = sum(outlined.dropped for _, outlined in batch)
        count = entry(
            "text",
            sessions=len(batch),
            refused=len(refused),
            dropped_blocks=dropped,
            characters=characters,
            masked_again=again,
            sessions_masked_again=sessions_again,
            written={surface: found.figures() for surface, found in sorted(written.items())},
        )
        yield beam.pvalue.TaggedOutput(ENTRIES, count)
        fragment = pa.Table.from_pylist(rows, schema=FRAGMENT)
        self._rows.append(fragment)
        self._bytes += fragment.nbytes
        if self._bytes >= _FLUSH_BYTES:
            yield from self._drain()

    def _drain(self) -> Iterator[tuple[int, bytes]]:
        rows = pa.concat_tables(self._rows) if self._rows else FRAGMENT.empty_table()
        self.start_bundle()
        if rows.num_rows:
            for shard, place in write_fragment(rows, self._sizes.shards, self._staging):
                yield shard, place.encode()


def _rows(
    decision: dict[str, Any], outlined: Outline, masked: Masked, policy_id: str
) -> Iterator[dict[str, Any]]:
    """One FRAGMENT row a thread; the session's entity counts stand in its first row only."""
    for ordinal, fills in enumerate(outlined.rows):
        messages = training_messages(fills, masked.texts)
        counts = sorted(masked.entities.items()) if ordinal == 0 else []
        yield {
            "key": decision["conversation_key"],
            "ordinal": ordinal,
            "conversation_key": decision["conversation_key"].hex(),
            "user_key": decision["user_key"].hex() if decision["user_key"] else None,
            "messages": messages,
            "surface": decision["surface"],
            "tier": decision["tier"],
            "language": masked.language,
            "basis": decision["basis"],
            "policy_id": policy_id,
            "started_on": decision["created_on"],
            "last_active_on": decision["last_active_on"],
            "retain_until": decision["row_retain_until"],
            "turns": sum(message["role"] == "user" for message in messages),
            "entities": [{"key": key, "value": value} for key, value in counts],
        }
