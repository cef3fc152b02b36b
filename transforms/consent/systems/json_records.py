"""Reads JSON records as a stream: one per line, one per array element, or one document."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from schemas.errors import ConsentError, InputError
from transforms.consent.files import may_repeat, unrepeated
from transforms.sources.decompress import Truncated
from transforms.sources.file_state import UNKNOWN, States, opened
from transforms.sources.files import Buffered, Opened, lines, open_stream
from transforms.sources.json.array import ArrayCut, elements
from transforms.sources.json.first_byte import first_byte

#: The largest record, or document that is not an array: it is held in memory.
_MOST_BYTES = 256 << 20


class Record(NamedTuple):
    """A JSON text and its place in the file, such as `line 3` or `item 0`."""

    where: str
    data: bytes


def json_records(path: str, known: States = UNKNOWN) -> Iterator[Record]:
    """The records of a plain, gzip or zstd file, in order.

    Raises InputError and ConsentError, and PipelineError for a file that is not as it is known.
    """
    try:
        with opened(path, known) as source:
            yield from _records(path, source)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except OSError as error:
        raise ConsentError(f"{path}: cannot be read ({error.strerror or 'damaged'})") from None
    except (Truncated, ArrayCut):
        raise ConsentError(f"{path}: ends too early, or something follows the end; export it anew") from None


def _records(path: str, source: Opened) -> Iterator[Record]:
    with open_stream(source) as file:
        first = first_byte(file)
    with open_stream(source) as file:
        if first == b"[":
            yield from _elements(path, file)
        elif first == b"{":
            yield from _lines(path, source, file)
        elif first:
            raise ConsentError(f"{path}: holds no JSON; expected JSON Lines, an array or one document")


def decode[Kind](path: str, record: Record, decoder: msgspec.json.Decoder[Kind], *once: str) -> Kind:
    """The decoded record. ConsentError if it does not decode, or if a key of `once` is repeated."""
    try:
        value = decoder.decode(record.data)
        if may_repeat(record.data, once):
            json.loads(record.data, object_pairs_hook=unrepeated)
    except msgspec.ValidationError as error:  # names types and fields, no value
        raise ConsentError(f"{path}: {record.where}: {error}") from None
    except (ValueError, RecursionError):
        raise ConsentError(f"{path}: {record.where}: not a JSON object, or has a key twice") from None
    return value


def decode_whole(path: str, record: Record) -> dict[str, Any]:
    """The record as plain Python objects; ConsentError for a repeated key."""
    try:
        value = json.loads(record.data, object_pairs_hook=unrepeated)
    except (ValueError, RecursionError):
        raise ConsentError(f"{path}: {record.where}: not a JSON object, or has a key twice") from None
    if not isinstance(value, dict):
        raise ConsentError(f"{path}: {record.where}: not a JSON object")
    return value


def _elements(path: str, file: Buffered) -> Iterator[Record]:
    for number, element in enumerate(elements(file, _MOST_BYTES)):
        yield Record(f"item {number}", _bounded(path, f"item {number}", element.data))


def _lines(path: str, source: Opened, file: Buffered) -> Iterator[Record]:
    found = lines(file, 0, None, _MOST_BYTES)
    first = next(found)
    if first.data is not None and not _is_json(first.data):
        yield from _document(path, source)
        return
    yield Record("line 1", _bounded(path, "line 1", first.data))
    for line in found:
        yield Record(f"line {line.number}", _bounded(path, f"line {line.number}", line.data))


def _document(path: str, source: Opened) -> Iterator[Record]:
    """A file with one value over several lines."""
    with open_stream(source) as file:
        data = file.read(_MOST_BYTES + 1).removeprefix(b"\xef\xbb\xbf")
    whole = data if len(data) <= _MOST_BYTES else None
    yield Record("the document", _bounded(path, "the document", whole))


def _bounded(path: str, where: str, data: bytes | None) -> bytes:
    if data is None:
        raise ConsentError(f"{path}: {where}: is longer than {_MOST_BYTES} bytes; export it as JSON Lines")
    return data


def _is_json(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=msgspec.Raw)
    except (ValueError, RecursionError):
        return False
    return True
