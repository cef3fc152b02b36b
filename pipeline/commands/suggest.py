"""`chatsieve inspect --suggest`: the `inputs` section for logs of an own schema, as YAML."""

from __future__ import annotations

import collections
import glob
from collections.abc import Sequence
from typing import Any, NamedTuple

from pipeline.commands.inspect import ending_of, entries_of
from pipeline.inputs.globs import files_at, is_folder, refused
from schemas.mapped.placeholders import PLACEHOLDER
from transforms.sources.base import InputFile, states_of_objects
from transforms.sources.objects import expecting
from transforms.sources.recognize import formats_in
from transforms.sources.suggest.lines import Proposal, scalar
from transforms.sources.suggest.profile import first_records
from transforms.sources.suggest.proposal import propose

_CALLS = "anthropic-messages"
#: Formats of turns without owner and time, which own schemas often resemble.
_LISTS = frozenset({"sharegpt", "openai-messages", _CALLS})
_CONTENTS = ("messages[].content", "conversations[].value", "conversations[].content")


class Suggestion(NamedTuple):
    """The YAML, and endings of files for which there is no proposal."""

    yaml: str
    without: dict[str, int]


def suggest(path: str, source_format: str | None = None) -> Suggestion:
    """The `inputs` section for a file, folder or glob. Raises InputError if there is no file.

    Files of a known format get that format, if it can read them. `source_format` mapped: all files are
    taken for an own schema.
    """
    with refused():
        known: dict[str, list[InputFile]] = collections.defaultdict(list)
        own: dict[str, list[InputFile]] = collections.defaultdict(list)
        for file in files_at(path):
            found = [] if source_format == "mapped" else formats_in(file)
            if found:
                known[found[0]].append(file)
            elif file.size:
                own[ending_of(file.path)].append(file)
        sections: list[str] = []
        for name, files in sorted(known.items()):
            entries, sessions = entries_of(path, name, files)
            if sessions and not (name in _LISTS and _has_more(name, files)):
                sections += _known(entries)
            else:
                own[ending_of(files[0].path)] += files
        without: dict[str, int] = {}
        for ending, files in sorted(own.items()):
            made = _proposal(files)
            if made is None:
                without[ending] = len(files)
            else:
                sections += _own(_pattern(path, ending), made)
    is_open = any(PLACEHOLDER in line for line in sections)
    todo = f"Replace each {PLACEHOLDER} and check the rest." if is_open else "Check it."
    head = f"# Proposed from the first records. {todo}"
    return Suggestion("\n".join([head, "inputs:", *sections]) if sections else "", without)


def _first(files: Sequence[InputFile]) -> list[Any]:
    paths = [file.path for file in files]
    with expecting(paths, states_of_objects(files)):
        return first_records(paths)


def _proposal(files: Sequence[InputFile]) -> Proposal | None:
    records = _first(files)
    return propose(records) if records else None


def _has_more(name: str, files: Sequence[InputFile]) -> bool:
    """True if lists of turns have fields that their format does not read: owners, times, other contents."""
    made = _proposal(files)
    if made is None:
        return False
    if name == _CALLS:  # it reads times, and parts of answers that an own schema has no fields for
        owner = any(line.startswith(("user_id:", "tier:")) for line in made.fields)
        return owner and any("content: response.choices" in line for line in made.fields)
    return any(_is_more(line) for line in made.fields)


def _is_more(line: str) -> bool:
    name, _, path = line.strip().partition(":")
    if name == "content":
        return path.strip() not in _CONTENTS
    is_owner = name in ("organization_id", "tier") or (name == "user_id" and path.strip() != "user_id")
    return is_owner or name in ("created_at", "sent_at")


def _known(entries: Sequence[dict[str, Any]]) -> list[str]:
    lines = []
    for entry in entries:
        lines += [f"  - path: {_quoted(entry['path'])}", f"    format: {entry['format']}"]
        if entry.get("defaults"):
            lines += ["    defaults:", *(f"      {name}: {PLACEHOLDER}" for name in entry["defaults"])]
    return lines


def _own(pattern: str, made: Proposal) -> list[str]:
    lines = [f"  # {note}" for note in made.notes]
    lines += [f"  - path: {_quoted(pattern)}", "    format: mapped"]
    if made.defaults:
        lines += ["    defaults:", *(f"      {line}" for line in made.defaults)]
    return [*lines, "    fields:", *(f"      {line}" for line in made.fields)]


def _pattern(path: str, ending: str) -> str:
    return f"{glob.escape(path.rstrip('/'))}/**/*{ending}" if is_folder(path) else path


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'" if text.isprintable() else scalar(text)
