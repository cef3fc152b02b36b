"""OpenTelemetry spans of generative AI calls: OTLP in JSON, or single spans.

Source: the semantic conventions for generative AI, `gen_ai.system_instructions`, `gen_ai.input.messages`,
`gen_ai.output.messages` and `gen_ai.conversation.id`, on spans or on their events; and the numbered
`gen_ai.prompt.N` and `gen_ai.completion.N` of older instrumentations. Other attributes are not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from schemas.keys import KeyedHasher
from schemas.records import Defaults
from transforms.sources.accounting import dropped, note_record
from transforms.sources.calls.model_calls import record_of
from transforms.sources.calls.otel_columns import columns_of_spans
from transforms.sources.calls.otel_spans import call_of, spans_of
from transforms.sources.decode import Fault
from transforms.sources.json.item_source import ColumnResult, JsonItemSource
from transforms.sources.json.items import object_of
from transforms.sources.record_file import Record, record_or_fault

_NO_MESSAGES: Mapping[str, Any] = {}


class OtelGenai(JsonItemSource[dict[str, Any]]):
    """Single spans or OTLP exports, as lines, as an array or as one object."""

    def records_of(self, data: bytes | None) -> Iterator[Record]:
        """One record for each span with messages; other spans are dropped."""
        item = object_of(data)
        if isinstance(item, Fault):
            yield item
            return
        for span in spans_of(item):
            if (record := record_or_fault(_record, span)) is _NO_MESSAGES:
                note_record(dropped("span_without_messages"))
            else:
                yield record

    def columns_of(
        self,
        items: Sequence[dict[str, Any]],
        defaults: Defaults,  # noqa: ARG002
        hasher: KeyedHasher,  # noqa: ARG002
    ) -> ColumnResult:
        """The sessions of spans whose messages are JSON text."""
        return columns_of_spans(items)


def _record(span: Any) -> Mapping[str, Any]:
    call = call_of(span)
    return _NO_MESSAGES if call is None else record_of(call)


OTEL_GENAI = OtelGenai(dict[str, Any])
