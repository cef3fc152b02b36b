"""Which inputs a run need not read: those whose files are in the state of the version before, unchanged."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from pipeline.dataset.listed import is_listed
from pipeline.dataset.state import STATE_FOLDER, PreviousState, Rebuild, State
from schemas.manifest import FileEntry
from schemas.state import STATE_FILES
from transforms.read.state.files import read_whole, write_state
from transforms.read.state.keys import file_keys, part_of_key, planned
from transforms.read.state.known import FACTS, FILES, UNITS, KnownFacts, Planned, state_name
from transforms.sources.base import PlanTask, ReadContext
from transforms.sources.file_state import States
from transforms.sources.registry import linked_source
from transforms.storage.contract import Store

#: Files of a state that are read at a time.
_AT_ONCE = 8
#: (input, position of the file in the input).
Place = tuple[int, int]


class Keyed(NamedTuple):
    """The tasks of a run with the keys of their files, and the key of each input file."""

    tasks: list[Planned]
    keys: dict[Place, bytes]


class KnownFile(NamedTuple):
    """Size in bytes and SHA-256 (hex) of an input file that is not read."""

    bytes: int
    sha256: str


class Known(NamedTuple):
    """What a run takes over from the state of facts. `tasks`: those that are planned nevertheless."""

    facts: KnownFacts
    tasks: list[Planned]
    files: dict[Place, KnownFile]


class Increment(NamedTuple):
    """How a run uses the version before.

    `base`: its state, or why it cannot be used. `inputs`: everything that there is to read. `known`: what is
    taken over; None for a rebuild. `state`: the state that the run writes.
    """

    base: PreviousState | Rebuild
    inputs: Keyed
    known: Known | None
    state: State


def keyed(
    context: ReadContext,
    formats: Sequence[str],
    tasks: Iterable[PlanTask],
    files: Sequence[tuple[int, int, str]],
    states: States,
) -> Keyed:
    """The tasks and files with their keys. `formats`: by input. `files`: (input, position, path)."""
    of_paths = file_keys(context, formats, files, states)
    found = [planned(context, task, of_paths) for task in tasks]
    for task in found:
        of_paths |= {
            (task.task.input, path): key for path, key in zip(task.task.paths, task.files, strict=True)
        }
    return Keyed(found, {(number, position): of_paths[number, path] for number, position, path in files})


def known_inputs(base: PreviousState, store: Store, inputs: Keyed) -> Known | Rebuild:
    """What the run takes over; a Rebuild where a state file is missing or damaged."""
    state = {file.path: file for file in base.manifest.files if file.path.startswith(STATE_FOLDER)}
    parts = sum(name.startswith(f"{STATE_FOLDER}{FACTS}-") for name in state)
    wanted = [state_name(kind, part, parts) for kind in (FACTS, UNITS) for part in range(parts)]
    wanted.append(state_name(FILES, 0, 1))
    if not parts or not state.keys() >= set(wanted):
        return Rebuild(f"version {base.version} has no state of facts")
    damaged = _damaged(store, base.folder.rpartition("/")[2], [state[name] for name in wanted])
    if damaged:
        return Rebuild(f"{damaged} of version {base.version} is missing or damaged")
    listed = read_whole(f"{base.folder}/{state_name(FILES, 0, 1)}", FILES)
    columns = (listed[name].to_pylist() for name in ("file", "bytes", "sha256"))
    files = {key: KnownFile(size, sha256.hex()) for key, size, sha256 in zip(*columns, strict=True)}
    none = KnownFacts(base.folder, parts, ())
    units = _units_by_place(none)
    tasks: list[Planned] = []
    places: dict[int, list[Planned]] = {}
    for task in inputs.tasks:
        part = part_of_key(task.place, parts)
        before = units.get(task.place, [])
        if all(key in files for key in task.files) and _is_whole(task, before):
            if before:
                places.setdefault(part, []).append(task)
        elif before and linked_source(task.task.format) is not None:
            are_known = tuple(key in files for key in task.files)
            tasks.append(task._replace(is_known=are_known, state=none.file(UNITS, part)))
        else:
            tasks.append(task)
    return Known(
        none._replace(places=sorted(places.items())),
        tasks,
        {place: files[key] for place, key in inputs.keys.items() if key in files},
    )


def with_known(catalog: Mapping[str, list[dict[str, Any]]], increment: Increment) -> dict[str, list[Any]]:
    """The catalog with the `input` entries of the files that were not read."""
    known = increment.known.files if increment.known else {}
    entries = [
        {"input": number, "file": position, "bytes": file.bytes, "sha256": file.sha256}
        for (number, position), file in known.items()
    ]
    return {**catalog, "input": [*catalog.get("input", []), *entries]}


def write_files(
    folder: str, catalog: Mapping[str, list[dict[str, Any]]], keys: Mapping[Place, bytes]
) -> FileEntry:
    """Writes the state of the input files: of those of which everything that was read is kept.

    `catalog`: with the entries of all files. Its entries `unkept` have those that must be read again.
    """
    unkept = {bytes.fromhex(key) for entry in catalog.get("unkept", []) for key in entry["files"]}
    rows = [
        {"file": key, "bytes": item["bytes"], "sha256": bytes.fromhex(item["sha256"])}
        for item in catalog["input"]
        if (key := keys[item["input"], item["file"]]) not in unkept
    ]
    return write_state(pa.Table.from_pylist(rows, schema=STATE_FILES), FILES, 0, 1, folder)


def _is_whole(task: Planned, before: Sequence[frozenset[bytes]]) -> bool:
    """True if no file of the units before is gone: linked files can form other groups without it."""
    return all(files <= set(task.files) for files in before)


def _units_by_place(known: KnownFacts) -> dict[bytes, list[frozenset[bytes]]]:
    """By place, the files of each unit."""
    found: dict[bytes, list[frozenset[bytes]]] = {}
    for part in range(known.parts):
        table = read_whole(known.file(UNITS, part), UNITS, ["place", "files"])
        for place, files in zip(*(table[name].to_pylist() for name in table.column_names), strict=True):
            found.setdefault(place, []).append(frozenset(files))
    return found


def _damaged(store: Store, folder: str, files: Sequence[FileEntry]) -> str | None:
    """The first of the files that is not there as it was committed."""
    with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
        sound = pool.map(lambda file: is_listed(store, folder, file), files)
        return next((file.path for file, good in zip(files, sound, strict=True) if not good), None)
