"""What every source format offers: a plan of files, facts of units, sessions of rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
import pyarrow as pa

from schemas.errors import ConfigError, PipelineError
from schemas.keys import KeyedHasher
from schemas.mapped.fields import FieldsConfig
from schemas.records import Defaults, Limits, Session
from schemas.units import Quarantined, Unit
from transforms.sources.accounting import settle
from transforms.sources.facts.table import ColumnBatch, Facts, ReadRecord, SessionBatch, facts_table
from transforms.sources.faults import Field
from transforms.sources.identities import Identities, with_owner
from transforms.sources.paths import below
from transforms.sources.unknown_kinds import COUNTED, UnknownKinds

#: The digest of a file that is quarantined whole; its contents are digested with the inputs.
NO_DIGEST = "0" * 32
_BATCH_BYTES, _BATCH_RECORDS = 16 << 20, 10_000
_HELD_BYTES, _HELD_MESSAGES = 1 << 19, 2_000


class InputFile(NamedTuple):
    """A file of an input, its size in bytes, and for an object of a store its identity."""

    path: str
    size: int
    identity: str = ""


def states_of_objects(files: Iterable[InputFile]) -> list[tuple[int, str]]:
    """The states to expect of objects; none for files on local disk."""
    return [(file.size, file.identity) for file in files if file.identity]


def changed(unit: Unit) -> PipelineError:
    """The error for an input that changed after its facts were read; a file name may identify a person."""
    return PipelineError(
        f"inputs[{unit.input}]: a file changed while it was read; nothing was committed; run again"
    )


class PlanTask(msgspec.Struct, frozen=True):
    """Files of one input that must be planned together; workers open them.

    `stored`: as in a Unit.
    """

    input: int
    format: str
    paths: tuple[str, ...]
    sizes: tuple[int, ...]
    stored: tuple[tuple[int, str], ...] = ()

    def encode(self) -> str:
        """A compact string, equal for equal tasks."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> PlanTask:
        """The task that `encode` wrote."""
        return msgspec.json.decode(text, type=cls)


@dataclasses.dataclass(frozen=True)
class ReadContext:
    """What reading depends on besides the bytes.

    `defaults` and `identities`: by input number. `only`: the one conversation id that is wanted; a format may
    skip all other records. `metadata_only`: read the fields that decide, and texts only if a decision needs
    them; a format that cannot separate the two reads everything. `text_bytes` of a record without its texts
    is TEXT_NOT_READ. `accounting`: note what becomes of each record and block; a format that builds facts
    from columns reads record by record instead, with the same result. `roots`: by input number, the folder
    that names of files are relative to. `fields`: by input number, where an own schema has the fields.
    """

    hasher: KeyedHasher
    limits: Limits
    defaults: tuple[Defaults, ...]
    only: str | None = None
    metadata_only: bool = False
    accounting: bool = False
    identities: tuple[Identities | None, ...] = ()
    roots: tuple[str, ...] = ()
    fields: tuple[FieldsConfig | None, ...] = ()

    def fields_of(self, input_number: int) -> FieldsConfig:
        """The fields of an input of an own schema; ConfigError if it has none."""
        found = self.fields[input_number] if self.fields else None
        if found is None:
            raise ConfigError(
                "format mapped needs the fields of an own schema: --fields FILE, or `fields:` in the config"
            )
        return found

    def owned(self, session: Session, unit: Unit) -> Session:
        """The session with its owner: fields missing in the record come from `identities` and `defaults`."""
        settle(good=True)
        return with_owner(session, self.defaults[unit.input], self.identities_of(unit.input), unit.paths)

    def all_owned(self, sessions: Sequence[Session], unit: Unit) -> None:
        """The same for many sessions, changed in place."""
        for session in sessions:
            self.owned(session, unit)

    def identities_of(self, input_number: int) -> Identities | None:
        """The identity rules of an input; None if it has no rules besides `defaults`."""
        return self.identities[input_number] if self.identities else None


class FactsBatch(NamedTuple):
    """Facts of some records of a unit, and the records that could not be read.

    `parts`: lines or messages that were read one by one, readable or not; 0 if whole records are read.
    `names`: NAMES of the conversations, None if they have no further ids. `unknown`: kinds that the format
    does not know, None if they are not counted.
    """

    facts: pa.Table
    quarantined: list[Quarantined]
    parts: int = 0
    names: pa.Table | None = None
    unknown: UnknownKinds | None = None

    @property
    def records(self) -> int:
        """Records read, readable or not."""
        count: int = self.facts.num_rows + len(self.quarantined)
        return count


class Pointer(NamedTuple):
    """The position of a record in a unit; offset and length only for units of kind `bytes`.

    `digest`: that of the record's facts; None: not to be compared.
    """

    row: int
    offset: int
    length: int
    digest: int | None = None


class FoundSession(NamedTuple):
    """The session of a row.

    `digest`: a keyed digest of the bytes that the session was read from; its facts have the same. Where the
    bytes are more than the record's (a Parquet batch, a block of an array, all files of a Claude Code unit),
    it also depends on the record's place in them. None: a digest of the session's values is used instead.
    """

    row: int
    session: Session
    digest: int | None = None


class Source(Protocol):
    """A source format. `plan` and the readers run on workers; none of them raises for one bad record.

    `folder_patterns`: globs of the files to read from a folder; empty if an input cannot be a folder.
    """

    folder_patterns: Sequence[str]

    def tasks(self, input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
        """The files in groups that are planned together; opens no file."""

    def plan(self, task: PlanTask, unit_bytes: int) -> tuple[list[Unit], list[Quarantined]]:
        """The units of a task, and files that cannot be opened."""

    def facts(self, unit: Unit, context: ReadContext) -> Iterator[FactsBatch]:
        """Facts of every record of a unit, in order."""

    def sessions(
        self, unit: Unit, context: ReadContext, pointers: Sequence[Pointer]
    ) -> Iterator[FoundSession]:
        """The sessions of these records only, by ascending row."""


class LinkedSource(Source, Protocol):
    """A source whose files are linked to each other: a unit is a group of linked files.

    With the links of files that did not change, `grouped` plans a task and opens only the other files.
    """

    def folder_of(self, path: str) -> str:
        """The folder whose files are planned together."""

    def links(self, path: str, are_needed: bool) -> Collection[str] | None:
        """The ids that link a file to others, or none unless `are_needed`.

        None for a file that is not of this format. Raises OSError.
        """

    def grouped(
        self, task: PlanTask, links: Callable[[str, bool], Collection[Any] | None]
    ) -> tuple[list[Unit], list[Quarantined]]:
        """As `plan`, with `links` in place of the method: it is called once a file."""


def one_task_per_file(input_number: int, name: str, files: Sequence[InputFile]) -> list[PlanTask]:
    """One task per file, the largest first, so that small files finish last."""
    ordered = sorted(files, key=lambda file: (-file.size, file.path))
    return [PlanTask(input_number, name, (file.path,), (file.size,)) for file in ordered]


def byte_ranges(task: PlanTask, unit_bytes: int) -> list[Unit]:
    """The units of a plain file of lines: each has the lines that begin in its `unit_bytes` bytes."""
    path, size = task.paths[0], task.sizes[0]
    return [
        Unit(task.input, task.format, "bytes", (path,), start, min(start + unit_bytes, size), size)
        for start in range(0, size, unit_bytes)
    ]


def batches(
    reads: Iterable[ReadRecord | SessionBatch | ColumnBatch],
    unit: Unit,
    context: ReadContext,
    *,
    placed: bool = False,
) -> Iterator[FactsBatch]:
    """The facts of the readable records, and entries for the others; about 16 MiB of records per batch.

    `placed`: offset and length are part of the facts; else the length is only used to limit a batch. Sessions
    are converted to facts and released after 512 KiB or 2,000 messages, which fits the processor's cache.
    """
    encoded = unit.encode()
    facts, faults, held = Facts(context.hasher), [], list[ReadRecord]()
    size = taken = messages = 0
    unknown = UnknownKinds.none() if unit.format in COUNTED else None
    for read in reads:
        if isinstance(read, ColumnBatch):
            facts.add_columns(read)
        elif isinstance(read, SessionBatch):
            size += sum(read.lengths)
            facts.add_sessions(read, placed=placed)
            if unknown is not None:
                unknown.add_blocks(read.sessions)
        elif read.fault is not None:
            size += read.length
            faults.append(read.fault)
        elif read.session is not None:
            size += read.length
            held.append(read)
            messages += len(read.session.messages)
            if unknown is not None:
                unknown.add_blocks([read.session])
        if held and (messages >= _HELD_MESSAGES or size - taken >= _HELD_BYTES):
            facts.add(held, placed=placed)
            held, messages, taken = [], 0, size
        if size >= _BATCH_BYTES or len(facts) + len(faults) >= _BATCH_RECORDS:
            facts.add(held, placed=placed)
            yield FactsBatch(facts.table(encoded), faults, unknown=unknown)
            facts, faults, held = Facts(context.hasher), [], []
            size = taken = messages = 0
            unknown = None if unknown is None else UnknownKinds.none()
    facts.add(held, placed=placed)
    yield FactsBatch(facts.table(encoded), faults, unknown=unknown)


def batch_of(reads: Sequence[ReadRecord], unit: str, context: ReadContext) -> FactsBatch:
    """The facts of the readable records, and entries for the others, as one batch."""
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
    field: Field | None = None,
    is_part: bool = False,
) -> Quarantined:
    """A quarantine entry. Its digest is of `data`; without data, of locator and path below the root."""
    settle(good=False)
    key = context.hasher.conversation(conversation_id) if conversation_id else None
    name = below(path, context.roots[unit.input]) if context.roots else path
    digest = context.hasher.record(data or f"{name}\0{locator}".encode())
    at, kind = field or (None, None)
    size = length or len(data)
    return Quarantined(unit.input, path, locator, code, size, digest, key, at, kind, is_part)
