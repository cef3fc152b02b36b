"""OpenTelemetry spans and log records of generative AI calls: OTLP in JSON, or single ones.

Source: the semantic conventions for generative AI, `gen_ai.system_instructions`, `gen_ai.input.messages`,
`gen_ai.output.messages` and `gen_ai.conversation.id`, on spans, their events or log records; their older
events (`otel_events.py`); numbered attributes of OpenLLMetry and OpenInference (`otel_numbered.py`). Other
attributes are not read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from schemas.records import Defaults
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import dropped, note_record
from transforms.sources.base import NO_DIGEST, FactsBatch, PlanTask, ReadContext
from transforms.sources.calls.model_calls import record_of
from transforms.sources.calls.otel_columns import columns_of_spans
from transforms.sources.calls.otel_events import is_message, spans_of_logs
from transforms.sources.calls.otel_spans import call_of, is_of_ai, log_records_in, spans_of
from transforms.sources.decompress import Truncated
from transforms.sources.faults import Fault, Field
from transforms.sources.json.array import ArrayCut
from transforms.sources.json.item_source import ColumnResult, JsonItemSource
from transforms.sources.json.items import object_of, raw_items
from transforms.sources.json.once import Fields, keeps_all_fields
from transforms.sources.record_file import Located, Record, RecordFile, record_or_fault

_MISSING = Field("gen_ai.input.messages", "missing")
#: Attributes with JSON text, of most of the bytes of a span.
_JSON = ("gen_ai.input.messages", "gen_ai.output.messages")
_MAX_BYTES = 64 << 20
#: Log records of a file that wait for others of their span.
_MOST_EVENTS = 100_000
_CUT = (OSError, EOFError, Truncated, ArrayCut)
_NO_MESSAGES: Mapping[str, Any] = {}


class OtelGenai(JsonItemSource[dict[str, Any]]):
    """Single spans or OTLP exports, as lines, as an array or as one object."""

    def records_of(self, data: bytes | None) -> Iterator[Record]:
        """One record for each span with messages; other spans are dropped."""
        item = object_of(data)
        if isinstance(item, Fault):
            yield item
            return
        yield from _records(_spans_in(item))

    def records_within(self, path: str, max_record_bytes: int) -> Iterator[Record]:
        """The records of a file; log records with a message each are one call a span, in any export of it."""
        if not _has_message_events(path):
            yield from super().records_within(path, max_record_bytes)
            return
        events: list[Any] = []
        for item in raw_items(path, max_record_bytes):
            found = object_of(item.data)
            logs = [] if isinstance(found, Fault) else _logs_in(found)
            if not any(map(is_message, logs)):
                yield from self.records_of(item.data)
                continue
            events += filter(is_message, logs)
            yield from _records(spans_of_logs(log for log in logs if not is_message(log)))
            if len(events) > _MOST_EVENTS:
                yield from _records(spans_of_logs(events))
                events = []
        yield from _records(spans_of_logs(events))

    def is_in_lines(self, path: str) -> bool:
        """True for a plain file of lines, each of which can be read by itself."""
        return super().is_in_lines(path) and not _has_message_events(path)

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of the file's records, in their order."""
        is_by_file = unit.kind == "stream" and _has_message_events(unit.paths[0])
        return RecordFile.facts(self, unit, context) if is_by_file else super().facts(unit, context)

    def located(self, unit: Unit, context: ReadContext, wanted: Set[int] | None) -> Iterator[Located]:
        """The records of a unit; rows that are not wanted may be left out."""
        is_by_file = unit.kind == "stream" and _has_message_events(unit.paths[0])
        if is_by_file:
            return RecordFile.located(self, unit, context, wanted)
        return super().located(unit, context, wanted)

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:
        """The units of a file, and an entry if it has spans of AI and no message. Raises OSError.

        Instrumentation that records no messages, or in a form that is not known here, must not look like logs
        without conversations. A file is read up to its first span with messages. Files of other spans are
        common beside them and get no entry.
        """
        units, faults = super().plan(task, unit_bytes)
        if units and not self._is_used(task.paths[0]):
            size = task.sizes[0]
            where = (task.input, task.paths[0], "file", "no_messages", size, NO_DIGEST)
            faults = [*faults, Quarantined(*where, field=_MISSING.name, kind=_MISSING.kind)]
        return units, faults

    def _is_used(self, path: str) -> bool:
        """True if the file has a record, readable or not, or no span of AI."""
        is_of_one = False
        try:
            for item in raw_items(path, _MAX_BYTES):
                if next(self.records_of(item.data), None) is not None:
                    return True
                found = object_of(item.data)
                if not isinstance(found, Fault):
                    is_of_one = is_of_one or any(map(is_of_ai, _spans_in(found)))
        except _CUT:
            return True
        return not is_of_one

    def gives_fields_once(self, texts: Sequence[bytes], items: Sequence[dict[str, Any]]) -> bool:
        """True if it is certain of the items; `columns_of` checks the messages in their attributes."""
        held = [
            (each, name, each[name]) for each in map(_attributes, items) for name in _JSON if name in each
        ]
        for attributes, name, value in held:
            attributes[name] = None if isinstance(value, str) else value
        taken = "".join([value for *_, value in held if isinstance(value, str)])
        try:
            return keeps_all_fields(b"".join(texts), items, taken.encode())
        finally:
            for attributes, name, value in held:
                attributes[name] = value

    def columns_of(
        self,
        items: Sequence[dict[str, Any]],
        defaults: Defaults,  # noqa: ARG002
    ) -> ColumnResult:
        """The sessions of spans whose messages are JSON text."""
        return columns_of_spans(items)


def _attributes(item: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a single span, if they are a mapping."""
    found = item.get("attributes")
    return found if isinstance(found, dict) else {}


def _records(spans: Iterable[Any]) -> Iterator[Record]:
    for span in spans:
        record = span if isinstance(span, Fault) else record_or_fault(_record, span)
        if record is _NO_MESSAGES:
            note_record(dropped("span_without_messages"))
        else:
            yield record


def _logs_in(item: dict[str, Any]) -> list[Any]:
    """The log records of an item; none if one of them has a fault, so that the item is read by itself."""
    try:
        logs = log_records_in(item)
        for log in logs:
            is_message(log)
    except Fault:
        return []
    return [] if any(isinstance(log, Fields) and log.repeated for log in logs) else logs


def _has_message_events(path: str) -> bool:
    """True if the first item of a file has a log record with one message (conventions up to 1.36)."""
    try:
        first = next(raw_items(path, _MAX_BYTES), None)
    except _CUT:
        return False
    found = object_of(first.data) if first is not None else Fault("not_an_object")
    return not isinstance(found, Fault) and any(map(is_message, _logs_in(found)))


def _spans_in(item: dict[str, Any]) -> Iterator[Any]:
    """The spans of an item, and a Fault for the rest of an item that is nested too deep."""
    try:
        yield from spans_of(item)
    except Fault as fault:
        yield fault


def _record(span: Any) -> Mapping[str, Any]:
    call = call_of(span)
    return _NO_MESSAGES if call is None else record_of(call)


OTEL_GENAI = OtelGenai(dict[str, Any])
