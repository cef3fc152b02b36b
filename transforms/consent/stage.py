"""Beam transforms: read consent snapshots and deletion lists into user buckets."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import apache_beam as beam

from transforms.consent.snapshots import ErasedKeys, read_deletions, read_snapshot
from transforms.consent.spilled import SpilledConsent
from transforms.shuffle.blobs import to_blob
from transforms.shuffle.buckets import Buckets, users_to_buckets
from transforms.shuffle.guard import guarded
from transforms.shuffle.run_key import RunHasher, RunKey
from transforms.shuffle.steps import Step
from transforms.sources.file_state import FileState

CONVERSATIONS = "conversations"


@dataclasses.dataclass(eq=False)
class ReadConsent(beam.PTransform):  # type: ignore[misc]
    """(bucket, blob) of the consent rows known at `as_of`. In: sealed paths of snapshots or SpilledConsent.

    `states`: of the files when they were digested, by path.
    """

    run_key: RunKey
    as_of: dt.datetime
    buckets: Buckets
    states: Mapping[str, FileState] = dataclasses.field(default_factory=dict)

    def expand(self, paths: Any) -> Any:
        reader = _ReadSnapshot(self.run_key, self.as_of, self.buckets, self.states)
        return paths | "Read snapshots" >> beam.ParDo(reader)


@dataclasses.dataclass(eq=False)
class ReadDeletions(beam.PTransform):  # type: ignore[misc]
    """Deletions at or before `as_of`. In: sealed paths or ErasedKeys.

    Out: `users` (bucket, blob), `conversations` blobs.

    `states`: of the files when they were digested, by path.
    """

    run_key: RunKey
    as_of: dt.datetime
    buckets: Buckets
    states: Mapping[str, FileState] = dataclasses.field(default_factory=dict)

    def expand(self, paths: Any) -> Any:
        reader = _ReadDeletions(self.run_key, self.as_of, self.buckets, self.states)
        return paths | "Read deletions" >> beam.ParDo(reader).with_outputs(CONVERSATIONS, main="users")


class _ReadSnapshot(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(
        self, run_key: RunKey, as_of: dt.datetime, buckets: Buckets, states: Mapping[str, FileState]
    ) -> None:
        super().__init__(run_key)
        self._arguments = (RunHasher(run_key), as_of)
        self._buckets = buckets
        self._states = states

    @guarded("Read consent")
    def process(self, sealed: bytes) -> Iterator[tuple[int, bytes]]:
        snapshot: str | SpilledConsent = self.run_key.open(sealed)
        for table in read_snapshot(snapshot, *self._arguments, self._states):
            yield from users_to_buckets(table, "user_key", "consent", self._buckets)


class _ReadDeletions(Step, beam.DoFn):  # type: ignore[misc]
    def __init__(
        self, run_key: RunKey, as_of: dt.datetime, buckets: Buckets, states: Mapping[str, FileState]
    ) -> None:
        super().__init__(run_key)
        self._arguments = (RunHasher(run_key), as_of)
        self._buckets = buckets
        self._states = states

    @guarded("Read deletions")
    def process(self, sealed: bytes) -> Iterator[Any]:
        source: str | ErasedKeys = self.run_key.open(sealed)
        for kind, table in read_deletions(source, *self._arguments, self._states):
            if kind == "user":
                yield from users_to_buckets(table, "key", "user_deletions", self._buckets)
            else:
                blob = to_blob(table, "conversation_deletions")
                yield beam.pvalue.TaggedOutput(CONVERSATIONS, self._buckets.spill.put(blob))
