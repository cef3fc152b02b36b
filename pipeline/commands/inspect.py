"""`chatsieve inspect`: format and content of logs, before there is a configuration."""

from __future__ import annotations

import collections
import datetime as dt
import glob
import os
import re
from collections.abc import Collection, Iterable, Sequence
from pathlib import PurePath
from typing import Any

from pipeline.inputs.globs import files_at, input_files, is_folder, refused
from schemas.errors import InputError
from schemas.keys import KeyedHasher
from schemas.mapped.fields import FieldsConfig
from schemas.records import Block, Defaults, Limits, Message, Session
from schemas.sections.inputs import reader_of
from schemas.units import Quarantined
from transforms.read.sessions import sessions_of
from transforms.shuffle.instants import moment_text
from transforms.sources.accounting import MERGED, USED, Book
from transforms.sources.base import InputFile, ReadContext, states_of_objects
from transforms.sources.claude_code.census import census_of
from transforms.sources.objects import expecting
from transforms.sources.recognize import formats_in
from transforms.sources.registry import source_of
from transforms.sources.suggest.not_read import fields_not_read
from transforms.sources.unknown_kinds import COUNTED, KNOWN_BLOCKS, UnknownKinds, plain

#: The time of records in formats without times, so that they can be read. No log is that old.
_NO_TIME = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
#: Formats that repeat a message in several records. Only for these are message ids kept in memory.
_REPEATING = frozenset({"claude-code", "anthropic-messages", "otel-genai"})
_FIELDS = ("user_id", "organization_id", "tier", "surface")
_SUFFIX = re.compile(r"\.[A-Za-z][A-Za-z0-9]{0,7}(?:\.(?:gz|zst))?\Z")


def inspect(
    path: str,
    source_format: str | None = None,
    fields: FieldsConfig | None = None,
    given: Collection[str] = (),
) -> dict[str, Any]:
    """Counts by format, of a file, folder or glob, as a JSON document without text and ids.

    `formats`: an entry per format found. `not_recognized`: the number of other files, by file extension.
    `fields`: of an own schema, by which all files are read. `given`: names of defaults that the configuration
    has. Raises InputError if there is no file.
    """
    with refused():
        return _inspected(path, source_format if fields is None else reader_of(fields), fields, given)


def entries_of(path: str, name: str, files: Sequence[InputFile]) -> tuple[list[dict[str, Any]], int]:
    """The `inputs` entries to read files of a format, and the number of their sessions."""
    found = _described(path, name, files, [])
    return found["inputs"], found["sessions"]


def _inspected(
    path: str, source_format: str | None, fields: FieldsConfig | None, given: Collection[str]
) -> dict[str, Any]:
    # With a given format, a folder is read as by a run: only the files of that format.
    own = source_format is not None and bool(source_of(source_format).folder_patterns)
    files = input_files(path, source_format) if source_format and own else files_at(path)
    by_format: dict[str, list[InputFile]] = collections.defaultdict(list)
    also: collections.Counter[tuple[str, str]] = collections.Counter()
    unknown: collections.Counter[str] = collections.Counter()
    empty = 0
    for file in files:
        empty += file.size == 0
        candidates = [source_format] if source_format else formats_in(file)
        if candidates:
            by_format[candidates[0]].append(file)
            also.update((candidates[0], other) for other in candidates[1:])
        elif file.size:
            unknown[_suffix(file.path)] += 1
    return {
        "path": path,
        "files": len(files),
        "bytes": sum(file.size for file in files),
        "empty_files": empty,
        "not_recognized": dict(sorted(unknown.items())),
        "formats": [
            _described(
                path, name, found, sorted(other for first, other in also if first == name), fields, given
            )
            for name, found in sorted(by_format.items(), key=lambda entry: -len(entry[1]))
        ],
    }


def _described(
    path: str,
    name: str,
    files: Sequence[InputFile],
    also: Sequence[str],
    fields: FieldsConfig | None = None,
    given: Collection[str] = (),
) -> dict[str, Any]:
    """The content of the files, read as this format."""
    hasher, defaults = KeyedHasher(os.urandom(32)), Defaults(created_at=_NO_TIME)
    context = ReadContext(hasher, Limits(), (defaults,), fields=(fields,))
    tally = _Tally(name in _REPEATING)
    book = Book()
    tally.add(sessions_of(files, name, context, book))
    for each in given:
        del tally.lacking[each]
    paths = [file.path for file in files]
    with expecting(paths, states_of_objects(files)):
        versions = census_of(paths) if name == "claude-code" else {}
        more = {} if fields is None else {"not_read": fields_not_read(paths, fields)}
    unknown = book.unknown if name in COUNTED else UnknownKinds(collections.Counter(), tally.strange)
    return {
        "format": name if fields is None else "mapped",
        "also_possible": list(also),
        "files": len(files),
        **tally.counts(),
        "accounts": tally.accounts(book),
        "versions": dict(sorted(versions.items(), key=_version)),
        "not_understood": unknown.counts(),
        **more,
        "inputs": _entries(path, name, paths, tally),
    }


class _Tally:
    """Counts of records, messages and blocks; a message that is repeated in several records counts once."""

    def __init__(self, repeats: bool) -> None:
        self._known: set[int] | None = set() if repeats else None
        self.merged: collections.Counter[str] = collections.Counter()
        self.records = self.messages = 0
        self.conversations: set[int] = set()
        self.quarantined: collections.Counter[str] = collections.Counter()
        self.at_fault: collections.Counter[str] = collections.Counter()
        self.faulty: collections.Counter[str] = collections.Counter()
        self.faulty_parts: collections.Counter[str] = collections.Counter()
        self.lacking: collections.Counter[str] = collections.Counter()
        self.roles: collections.Counter[str] = collections.Counter()
        self.origins: collections.Counter[str] = collections.Counter()
        self.blocks: collections.Counter[str] = collections.Counter()
        self.strange: collections.Counter[str] = collections.Counter()
        self.tiers: collections.Counter[str] = collections.Counter()
        self.first: dt.datetime | None = None
        self.last: dt.datetime | None = None

    def add(self, found: Iterable[Session | Quarantined]) -> None:
        for record in found:
            if isinstance(record, Quarantined):
                self.quarantined[record.code] += 1
                if record.field is not None:
                    self.at_fault[f"{record.code}: {record.field} ({record.kind})"] += 1
                # Lines of an unreadable session, and spans, are counted one by one; the entry is of them all.
                if not record.locator.startswith("session ") and record.code != "no_messages":
                    faulty = self.faulty_parts if record.is_part else self.faulty
                    faulty[f"quarantined: {record.code}"] += 1
            else:
                self._add(record)

    def _add(self, session: Session) -> None:
        self.records += 1
        conversation = hash((session.user_id, session.conversation_id))
        self.conversations.add(conversation)
        self.lacking.update(field for field in _FIELDS if not getattr(session, field))
        if session.created_at == _NO_TIME:
            self.lacking["created_at"] += 1
        before = self.messages
        for message in session.messages:
            if self._is_known(conversation, message):
                self.merged["blocks"] += len(_blocks_of(message))
                continue
            self.messages += 1
            self.roles[message.role] += 1
            self.origins[message.origin or "unknown"] += 1
            if message.sent_at != _NO_TIME:
                self.first = min(self.first or message.sent_at, message.sent_at)
                self.last = max(self.last or message.sent_at, message.sent_at)
            for block in _blocks_of(message):
                known = block.type in KNOWN_BLOCKS
                self.blocks[block.type if known else "other"] += 1
                if not known:
                    self.strange[plain(block.type)] += 1

        self.merged["records"] += bool(session.messages) and self.messages == before

    def _is_known(self, conversation: int, message: Message) -> bool:
        """True for a message that an earlier record of its conversation has."""
        if self._known is None:
            return False
        size = len(self._known)
        self._known.add(hash((conversation, message.message_id)))
        return len(self._known) == size

    def accounts(self, book: Book) -> dict[str, dict[str, int]]:
        """Records and blocks by what was done with them; each adds up to the total in the files.

        A record here is a line, array item, row or span of the file. `messages`, if there are any: those of
        an export that were lost alone.
        """
        used, merged = self.records - self.merged["records"], self.merged["records"]
        records = collections.Counter({USED: used, **self.faulty, MERGED: merged})
        lost = self.faulty_parts
        if USED in book.records:  # counted in lines, which are not session records
            del records[USED], records[MERGED]
            records, lost = records + lost, collections.Counter()
        blocks = collections.Counter({USED: sum(self.blocks.values()), MERGED: self.merged["blocks"]})
        found = {"records": _sorted(records + book.records), "blocks": _sorted(blocks + book.blocks)}
        return {**found, "messages": _sorted(lost)} if lost else found

    def counts(self) -> dict[str, Any]:
        return {
            "records": self.records + sum(self.quarantined.values()),
            "sessions": len(self.conversations),
            "messages": self.messages,
            "quarantined": dict(sorted(self.quarantined.items())),
            "fields_at_fault": _sorted(self.at_fault),
            "roles": dict(sorted(self.roles.items())),
            "origins": dict(sorted(self.origins.items())),
            "blocks": dict(sorted(self.blocks.items())),
            "lacking": {name: self.lacking[name] for name in (*_FIELDS, "created_at") if self.lacking[name]},
            "first_message": moment_text(self.first) if self.first else None,
            "last_message": moment_text(self.last) if self.last else None,
        }


def _blocks_of(message: Message) -> list[Block]:
    content = message.content
    return [Block("text")] if isinstance(content, str) else content or []


def _sorted(counts: dict[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}


def _entries(path: str, name: str, paths: Sequence[str], tally: _Tally) -> list[dict[str, Any]]:
    """The `inputs` entries to read these files; null marks a value that the user must fill in."""
    needed = {"user_id", "tier", "surface", "created_at"}
    defaults = {field: None for field in (*_FIELDS, "created_at") if field in needed and tally.lacking[field]}
    shown = "mapped" if name.startswith("mapped") else name
    more = {"format": shown, **({"defaults": defaults} if defaults else {})}
    return [{"path": each, **more} for each in _patterns(path, name, paths)]


def _patterns(path: str, name: str, paths: Sequence[str]) -> list[str]:
    """Paths to configure for the files: the given path, globs by extension, or single files."""
    if not is_folder(path):
        return [path]
    if not source_of(name).folder_patterns:
        folder = glob.escape(path.rstrip("/"))
        return [f"{folder}/**/*{ending}" for ending in sorted({ending_of(each) for each in paths})]
    try:
        found = {file.path for file in input_files(path, name)}
    except InputError:
        found = set()
    return [
        *([path] if found & set(paths) else []),
        *(glob.escape(each) for each in paths if each not in found),
    ]


def ending_of(path: str) -> str:
    """The ending of a file's name with that of its compression, empty without one."""
    found = _SUFFIX.search(PurePath(path).name)
    return found[0] if found else ""


def _suffix(path: str) -> str:
    return ending_of(path) or "(no ending)"


def _version(entry: tuple[str, int]) -> list[int]:
    return [int(part) for part in entry[0].split(".")]
