"""Class `residual`: what is left in the shards of types whose shape leaves no doubt."""

from __future__ import annotations

import collections
import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.verify.findings import Finding
from pipeline.verify.subject import Subject
from transforms.storage.places import arrow_file

if TYPE_CHECKING:
    from transforms.deid.rules.scanner import PatternScanner

#: Types whose shape and check digit leave no doubt; a surrogate never looks like one of them.
RESIDUAL_TYPES = frozenset(
    {"EMAIL_ADDRESS", "CREDIT_CARD", "IBAN_CODE", "US_SSN", "IP_ADDRESS", "MAC_ADDRESS", "SECRET"}
)
_RESIDUAL_SCORE = 0.7
_BATCH_ROWS = 512
_FIELDS = ("role", "content", "thinking", "tool_calls", "tool_call_id", "name")


def check_residual(subject: Subject) -> Iterator[Finding]:
    """Findings of the shards that can be read, by file and type."""
    paths = [file.path for file in subject.files("data/") if file.path not in subject.bad]
    if not paths:
        return
    scanner = _scanner()
    for path in paths:
        found: collections.Counter[str] = collections.Counter()
        with arrow_file(subject.folder / path) as source, pq.ParquetFile(source) as file:
            for batch in file.iter_batches(_BATCH_ROWS, columns=["messages"], use_threads=False):
                for spans in scanner.scan(list(_texts(batch.column(0)))):
                    found.update(span.type for span in spans if span.score >= _RESIDUAL_SCORE)
        for kind, number in sorted(found.items()):
            yield Finding("residual", path, f"{number} stretches look like {kind}")


@functools.cache
def _scanner() -> PatternScanner:
    from transforms.deid.rules.scanner import PatternScanner

    return PatternScanner(RESIDUAL_TYPES)


def _texts(messages: pa.ListArray) -> Iterator[str]:
    structs = messages.flatten()
    for name in _FIELDS:
        yield from (text for text in pc.struct_field(structs, name).to_pylist() if text)
