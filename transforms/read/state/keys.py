"""Keys of files, places and units: what the facts of a unit depend on besides what the whole state does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from schemas.keys import KeyedHasher
from schemas.units import Unit
from transforms.read.state.known import Planned
from transforms.shuffle.blobs import key_prefixes
from transforms.shuffle.instants import Ints, whole
from transforms.sources.base import PlanTask, ReadContext
from transforms.sources.registry import linked_source
from transforms.sources.settings import reading_settings

#: Bytes of input for one part of the state.
_PART_BYTES = 128 << 20
#: A unit's facts are spread over the parts in blocks of so many rows: one file can hold millions of sessions.
_BLOCK_ROWS = 1 << 16
#: Spreads the blocks of a unit; odd, so that no two of them get the same place by it alone.
_SPREAD = 0x9E3779B1
_UNIT_BYTES = (1 << 20, 32 << 20)
_UNITS_PER_FILE = 32


def parts_of(total_bytes: int) -> int:
    """The number of parts of a state. It depends on the size of the inputs alone, as a rebuild has them."""
    return max(1, -(-total_bytes // _PART_BYTES))


def unit_bytes(size: int) -> int:
    """The size of the units of a plain file. It depends on the file alone: a rebuild has the same units."""
    return max(_UNIT_BYTES[0], min(_UNIT_BYTES[1], size // _UNITS_PER_FILE))


def file_keys(
    context: ReadContext, formats: Sequence[str], files: Sequence[tuple[int, int, str]], states: Any
) -> dict[tuple[int, str], bytes]:
    """By (input, path), the key of a file in its present state and of everything that its facts depend on.

    `files`: (input, position, path). `states`: FileState by path.
    """
    settings = [_settings_key(context, number, name) for number, name in enumerate(formats)]
    return {
        (number, path): context.hasher.state(b"".join([settings[number], _encoded([path, *states[path]])]))
        for number, _, path in files
    }


def planned(context: ReadContext, task: PlanTask, keys: Mapping[tuple[int, str], bytes]) -> Planned:
    """The task with the keys of its files and of its place."""
    source, hasher = linked_source(task.format), context.hasher
    files = tuple(keys[task.input, path] for path in task.paths)
    if source is not None:
        names = [source.folder_of(task.paths[0])]
    else:
        names = list(task.paths)
        if len(files) > 1:  # none of them is known without the others
            files = tuple(hasher.state(b"".join([file, *files])) for file in files)
    return Planned(task, hasher.state(_encoded(["place", task.input, task.format, names])), files)


def unit_key(hasher: KeyedHasher, place: bytes, files: Sequence[bytes], unit: Unit) -> bytes:
    """The key of a unit of these files."""
    return hasher.state(b"".join([place, *files]) + _encoded([unit.kind, unit.start, unit.end]))


def part_of_key(key: bytes, parts: int) -> int:
    """The part that has the units of a place."""
    return int.from_bytes(key[:4], "big") * parts >> 32


def parts_of_unit(key: bytes, rows: int, parts: int) -> set[int]:
    """The parts that have facts of a unit whose row numbers are below `rows`."""
    start = int.from_bytes(key[:4], "big")
    blocks = range(-(-rows // _BLOCK_ROWS))
    return {((start + block * _SPREAD) % (1 << 32)) * parts >> 32 for block in blocks}


def parts_of_rows(units: pa.ChunkedArray, rows: pa.ChunkedArray, parts: int) -> Ints:
    """The part of each row of STATE_FACTS."""
    start, block = key_prefixes(units), (whole(rows) // _BLOCK_ROWS).astype(np.uint64)
    place = (start + block * np.uint64(_SPREAD)) % np.uint64(1 << 32)
    return ((place * np.uint64(parts)) >> np.uint64(32)).astype(np.int64)


def _settings_key(context: ReadContext, number: int, source_format: str) -> bytes:
    """The key of everything that decides on the facts of an input besides its files."""
    root = context.roots[number] if context.roots else ""
    reading = reading_settings(context, number)
    settings = [context.defaults[number], context.identities_of(number), root, context.limits, reading]
    return context.hasher.state(_encoded(["settings", number, source_format, *settings]))


def _encoded(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")
