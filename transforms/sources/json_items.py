"""The JSON objects of a file: one a line, an array of them, or one over several lines; also compressed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from transforms.files import Buffered, bodies_of_lines, open_stream
from transforms.sources.decode import Fault, json_fault
from transforms.sources.json_array import elements, first_byte

_HEAD_BYTES = 1 << 20


def holds_array(path: str) -> bool:
    """True for a file that is an array, False for lines, even if the first of them begins like one.

    In an array nothing begins a line with a brace that does not follow a bracket, a comma or a colon. Raises
    OSError.
    """
    with open_stream(path) as file:
        if first_byte(file) != b"[":
            return False
    with open_stream(path) as file:
        head = file.read(_HEAD_BYTES).removeprefix(b"\xef\xbb\xbf").lstrip()
    above, _, below = head.partition(b"\n")
    return not below.lstrip().startswith(b"{") or above.rstrip().endswith((b"[", b",", b":"))


def objects_of[T](
    path: str, max_bytes: int, fast: Callable[[bytes], T | None] = lambda _: None
) -> Iterator[T | dict[str, Any] | Fault]:
    """Each object in order, or why a record is none; what `fast` makes of its bytes, if that is anything.

    Raises what reading a damaged file raises.
    """
    with open_stream(path) as file:
        first = first_byte(file)
    if first == b"{" and (whole := _one_over_lines(path, max_bytes)) is not None:
        yield whole
        return
    array = first == b"[" and holds_array(path)
    with open_stream(path) as file:
        for data in _parts(file, max_bytes, array):
            made = None if data is None else fast(data)
            yield object_of(data) if made is None else made


def _parts(file: Buffered, max_bytes: int, array: bool) -> Iterator[bytes | None]:
    if not array:
        return bodies_of_lines(file, max_bytes)
    return (element.data for element in elements(file, max_bytes))


def object_of(data: bytes | None) -> dict[str, Any] | Fault:
    """The JSON object in some bytes, or why there is none; None stands for bytes that were too many."""
    if data is None:
        return Fault("oversize_record")
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Fault(json_fault(data))
    return value if isinstance(value, dict) else Fault("not_an_object")


def _one_over_lines(path: str, max_bytes: int) -> dict[str, Any] | None:
    """The object that the whole file is, if its first line is not one already."""
    with open_stream(path) as file:
        head = file.readline(max_bytes).strip()
        if head.endswith(b"}") and not isinstance(object_of(head.removeprefix(b"\xef\xbb\xbf")), Fault):
            return None
        rest = file.read(max_bytes + 1)
    whole = object_of((head + b"\n" + rest).removeprefix(b"\xef\xbb\xbf"))
    return None if isinstance(whole, Fault) or len(rest) > max_bytes else whole
