"""What every source format offers: plans of files, facts of units, sessions of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec
import pyarrow as pa

from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits, Session
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import is_kept, settle
from transforms.sources.facts.table import Facts, Many, Read, Several, facts_table
from transforms.sources.identities import Identities, with_defaults, with_owner

#: The digest of a file that is quarantined whole: what it holds is digested with the inputs, not again here.
NO_DIGEST = "0" * 32
_BATCH_BYTES, _BATCH_RECORDS = 16 << 20, 10_000
_HELD_BYTES, _HELD_MESSAGES = 1 << 19, 2_000


class InputFile(NamedTuple):
    """A file of an input, and its size in bytes."""

    path: str
    size: int


class PlanTask(msgspec.Struct, frozen=True):
    """Files of one input that must be planned together; opening them is a worker's job."""

    input: int
    format: str
    paths: tuple[str, ...]
    sizes: tuple[int, ...]

    def encode(self) -> str:
        """A compact string, equal for equal tasks."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> PlanTask:
        """The task that `encode` wrote."""
        return msgspec.json.decode(text, type=cls)


@dataclasses.dataclass(frozen=True)
class ReadContext:
    """What reading depends on besides the bytes; `defaults` by position of the input.

    `identities`: what else is known of owners, by position too. `only`: the one conversation id that is
    asked for; a format may skip records of any other, unread.
    `metadata_only`: what decides is read, and texts only where nothing else tells; a format that cannot read
    one without the other reads all. `text_bytes` of a record whose texts were not read is TEXT_NOT_READ.
    """

    hasher: KeyedHasher
    limits: Limits
    defaults: tuple[Defaults, ...]
    only: str | None = None
    metadata_only: bool = False
    identities: tuple[Identities | None, ...] = ()

    def owned(self, session: Session, unit: Unit) -> Session:
        """A session of the unit with its owner: what the record lacks filled in, by whoever knows it."""
        settle(good=True)
        return with_owner(session, self.defaults[unit.input], self.identities_of(unit.input), unit.paths)

    def all_owned(self, sessions: Sequence[Session], unit: Unit) -> None:
        """The same for many sessions, which are changed."""
        identities = self.identities_of(unit.input)
        if identities is not None or is_kept():
            for session in sessions:
                self.owned(session, unit)
        else:
            with_defaults(sessions, self.defaults[unit.input])

    def identities_of(self, input_number: int) -> Identities | None:
        """What is known of an input's owners besides `defaults`."""
        return self.identities[input_number] if self.identities else None


class FactsBatch(NamedTuple):
    """Facts of some records of a unit, and the records that could not be read."""

    facts: pa.Table
    quarantined: list[Quarantined]

    @property
    def records(self) -> int:
        """Records read, readable or not."""
        count: int = self.facts.num_rows + len(self.quarantined)
        return count


class Pointer(NamedTuple):
    """A record of a unit; offset and length only where the unit is of kind `bytes`."""

    row: int
    offset: int
    length: int


class Source(Protocol):
    """A source format. `plan` and the readers run on workers; none of them raises for one bad record.

    `folder_patterns`: the files that are read of an input that is a folder; none: a folder is refused.
    """

    folder_patterns: Sequence[str]

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """The files in groups that are planned together; opens nothing."""

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:
        """The units of a task, and files that cannot be opened."""

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of every record of a unit, in order."""

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[tuple[int, Session]]:
        """(row, session) of just these records, by ascending row."""


def one_task_per_file(input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
    """A task for each file, largest first, so that the last to finish is small."""
    ordered = sorted(files, key=lambda file: (-file.size, file.path))
    return [PlanTask(input_number, name, (file.path,), (file.size,)) for file in ordered]


def byte_ranges(task: PlanTask, unit_bytes: int) -> list[Unit]:
    """The units of a plain file of lines, each of those that begin in so many bytes."""
    path, size = task.paths[0], task.sizes[0]
    return [
        Unit(task.input, task.format, "bytes", (path,), start, min(start + unit_bytes, size), size)
        for start in range(0, size, unit_bytes)
    ]


def batches(
    reads: Iterable[Read | Several | Many], unit: Unit, context: ReadContext, *, placed: bool = False
) -> Iterator[FactsBatch]:
    """The facts of the readable records, and the faults of the others, some 16 MiB of records together.

    `placed`: the records are found again by offset and length; else a length only tells how much was read.
    Sessions are let go as soon as their facts are taken: what stays near the processor is much faster.
    """
    encoded = unit.encode()
    facts, faults, held = Facts(context.hasher), [], list[Read]()
    size = taken = messages = 0
    for read in reads:
        if isinstance(read, Many):
            facts.add_many(read)
        elif isinstance(read, Several):
            size += sum(read.lengths)
            facts.add_several(read, placed=placed)
        elif read.fault is not None:
            size += read.length
            faults.append(read.fault)
        elif read.session is not None:
            size += read.length
            held.append(read)
            messages += len(read.session.messages)
        if held and (messages >= _HELD_MESSAGES or size - taken >= _HELD_BYTES):
            facts.add(held, placed=placed)
            held, messages, taken = [], 0, size
        if size >= _BATCH_BYTES or len(facts) + len(faults) >= _BATCH_RECORDS:
            facts.add(held, placed=placed)
            yield FactsBatch(facts.table(encoded), faults)
            facts, faults, held = Facts(context.hasher), [], []
            size = taken = messages = 0
    facts.add(held, placed=placed)
    yield FactsBatch(facts.table(encoded), faults)


def batch_of(reads: Sequence[Read], unit: str, context: ReadContext) -> FactsBatch:
    """The facts of the readable records, and the faults of the others."""
    faults = [read.fault for read in reads if read.fault is not None]
    return FactsBatch(facts_table(reads, unit, context.hasher), faults)


def fault_at(
    unit: Unit,
    path: str,
    locator: str,
    code: str,
    context: ReadContext,
    *,
    data: bytes = b"",
    length: int = 0,
    conversation_id: str | None = None,
) -> Quarantined:
    """A quarantine entry; `data` is what its digest is made of, else the place itself."""
    settle(good=False)
    key = context.hasher.conversation(conversation_id) if conversation_id else None
    digest = context.hasher.record(data or f"{path}\0{locator}".encode())
    return Quarantined(unit.input, path, locator, code, length or len(data), digest, key)
