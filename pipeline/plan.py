"""Everything that the graph of a run depends on, fixed before it is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import pyarrow as pa

from schemas.policy import Policy
from transforms.consent.snapshots import ErasedKeys
from transforms.consent.spilled import SpilledConsent
from transforms.deid.engines import EngineSpec
from transforms.output.ledger import Stamp
from transforms.read.state.known import Kept, KnownFacts, Planned
from transforms.reuse.known import KnownRows
from transforms.shuffle.buckets import Buckets
from transforms.shuffle.run_key import RunKey
from transforms.sources.base import ReadContext
from transforms.sources.file_state import FileState
from transforms.storage.leases import Lease


@dataclasses.dataclass(frozen=True, eq=False)
class PackPlan:
    """One policy and its output.

    `stamp`: the values that all its ledger rows share. `folder`: the folder of the new version. `staging`:
    a private folder below it, for the run only. `lease`: checked before anything is written there.
    """

    policy: Policy
    stamp: Stamp
    folder: str
    staging: str
    lease: Lease


@dataclasses.dataclass(frozen=True, eq=False)
class RunPlan:
    """Everything that the stages need. It is fixed when the graph is built; workers read no configuration.

    A run has an `engine`, `sample` 0 and one pack. An audit has no engine, or an engine and `sample` sessions
    to estimate personal data in; without an engine it can have several packs. `formats`: of all inputs.
    `files`: (input, position, path) of each input file; `digested`: of those whose SHA-256 is not known.
    `roots`: for each input, the folder that file names are relative to. `pieces`: the number of ranges of
    conversation keys in Settle. Neither `pieces` nor `buckets` changes a byte of the output. `states`: of the
    snapshots and lists when they were digested, by path. `kept`: where the state of facts is written; None in
    an audit. `known_facts` and `known_rows`: what is taken over from the version before; None in an audit and
    for a rebuild. All of it is sealed with `run_key` before it is part of the graph.
    """

    run_key: RunKey
    context: ReadContext
    packs: Sequence[PackPlan]
    authorizations: pa.Table
    tasks: Sequence[Planned]
    formats: frozenset[str]
    files: Sequence[tuple[int, int, str]]
    digested: Sequence[tuple[int, int, str]]
    snapshots: Sequence[str | SpilledConsent]
    deletions: Sequence[str | ErasedKeys]
    buckets: Buckets
    pieces: int
    shards: int | None
    target_shard_bytes: int | None
    roots: Sequence[str]
    engine: EngineSpec | None
    sample: int = 0
    states: Mapping[str, FileState] = dataclasses.field(default_factory=dict)
    kept: Kept | None = None
    known_facts: KnownFacts | None = None
    known_rows: KnownRows | None = None
