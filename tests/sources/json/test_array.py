"""Elements of a JSON array as a stream: the same as a whole decode gives, with bounded memory."""

from __future__ import annotations

import io
import json
import random
import tracemalloc
from contextlib import nullcontext
from typing import Any

import pytest

from transforms.sources.json import array as json_array
from transforms.sources.json.array import ArrayCut, Element, elements
from transforms.sources.json.array_blocks import whole_elements
from transforms.sources.json.first_byte import first_byte

TRICKY = ['a,]}[{"\\', "é\\\\", '"', "\\", "\n", "conversations", '"conversations": [', ""]


def value(rng: random.Random, depth: int = 0) -> Any:
    kind = rng.random()
    if depth > 3 or kind < 0.4:
        return rng.choice([*TRICKY, 1, -1.5e-3, None, True])
    if kind < 0.7:
        return [value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return {rng.choice(TRICKY) + str(n): value(rng, depth + 1) for n in range(rng.randint(0, 4))}


def of(data: bytes, max_bytes: int = 1 << 20, key: bytes | None = None) -> list[bytes | None]:
    return [element.data for element in elements(io.BytesIO(data), max_bytes, key)]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 64, 1 << 20])
def test_elements_are_what_a_whole_decode_gives_wherever_chunks_end(
    chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports are one line of hundreds of MB: a bracket in a text must never be taken for an end."""
    monkeypatch.setattr(json_array, "_CHUNK", chunk)
    monkeypatch.setattr(json_array, "_WINDOW", chunk)
    for seed in range(150):
        rng = random.Random(seed)
        items = [value(rng) for _ in range(rng.randint(0, 5))]
        indent = rng.choice([None, 1])
        found = of(json.dumps(items, indent=indent, ensure_ascii=rng.random() < 0.5).encode())
        assert [json.loads(data or b"") for data in found] == items
        wrapped = {
            "x": value(rng),
            "y": {"conversations": [1]},
            "conversations": items,
            "z": ["conversations"],
        }
        found = of(json.dumps(wrapped, indent=indent).encode(), key=b"conversations")
        assert [json.loads(data or b"") for data in found] == items


@pytest.mark.parametrize("window", [1, 5, 17, 1 << 20])
def test_a_window_at_once_ends_elements_where_a_scan_does(
    window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the bytes are: escapes in a row, brackets that do not match, stray backslashes."""
    monkeypatch.setattr(json_array, "_WINDOW", window)
    rng, with_several = random.Random(window), 0
    for _ in range(3_000):
        data = b"[" + bytes(rng.choices(b'"\\{}[],,,a1 ', k=rng.randint(0, 40))) + rng.choice([b"]", b""])
        found = []
        for plain in (True, False):
            elements_, ended = [], ""
            scan = json_array._Scan(io.BytesIO(data), 12)
            scan.plain = plain
            scan.enter()
            try:
                elements_.extend(scan.array())
            except ArrayCut:
                ended = "cut"
            found.append((elements_, ended))
        assert found[0] == found[1], data
        with_several += len(found[0][0]) > 2
    assert with_several > 100


def test_a_malformed_element_does_not_affect_others() -> None:
    """The decoder of the element reports the fault."""
    assert of(b'[{"a": 1}, {"b": nope}, tru, {"c": 2}]') == [
        b'{"a": 1}',
        b' {"b": nope}',
        b" tru",
        b' {"c": 2}',
    ]


def test_an_element_that_is_too_long_is_not_kept() -> None:
    """One conversation must not fill the memory, even if it is one string."""
    long = b'"' + b"x" * (3 << 20) + b'"'
    found = list(elements(io.BytesIO(b"[1," + long + b",2]"), 1000))
    assert found == [Element(1, b"1"), Element(len(long), None), Element(1, b"2")]


@pytest.mark.parametrize("data", [b'[1, {"a": ', b"[1, ", b'[1, "abc', b"[1, [2}", b"[1, 2"])
def test_an_array_that_does_not_end_gives_its_whole_elements_and_then_a_fault(data: bytes) -> None:
    """A truncated export must not pass as a short one."""
    found = []
    with pytest.raises(ArrayCut):
        found.extend(element.data for element in elements(io.BytesIO(data), 1000))
    assert found == [b"1"]


def test_content_after_the_array_is_reported() -> None:
    """Two exports in one file: the second would be lost silently."""
    with pytest.raises(ArrayCut):
        of(b"[1]\n[2]")
    assert of(b" [1] \n") == [b"1"]


@pytest.mark.parametrize(
    "data", [b"{}", b'{"conversations": {}}', b'{"a": {"conversations": [1]}}', b'{"a": "']
)
def test_an_object_without_that_array_is_reported(data: bytes) -> None:
    """A missing array must differ from an empty one."""
    with pytest.raises(KeyError):
        of(data, key=b"conversations")


@pytest.mark.parametrize(
    ("data", "byte"),
    [
        (b" \n\t[", b"["),
        (b"\xef\xbb\xbf\n{", b"{"),
        (b"", b""),
        (b"   ", b""),
        (b"[", b"["),
        (b"  \n  x", b"x"),
    ],
)
def test_the_first_byte_determines_the_kind_of_file(data: bytes, byte: bytes) -> None:
    """Windows tools write a byte order mark before it."""
    assert first_byte(io.BytesIO(data)) == byte


class _Generated(io.RawIOBase):
    """An array on one line, made as it is read."""

    def __init__(self, size: int) -> None:
        text = "x" * 20_000
        self._element = json.dumps({"uuid": "c", "chat_messages": [{"text": text}]}).encode() + b","
        self.count, self._ready = size // len(self._element), b"["
        self._left = self.count

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while self._left and len(self._ready) < len(buffer):
            self._left -= 1
            self._ready += self._element if self._left else self._element[:-1] + b"]"
        size = min(len(buffer), len(self._ready))
        buffer[:size], self._ready = self._ready[:size], self._ready[size:]
        return size


@pytest.mark.parametrize("find", [elements, whole_elements])
def test_an_array_of_300_mb_is_read_in_bounded_memory(find: Any) -> None:
    """Exports are single arrays of hundreds of MB, and several workers read them at once."""
    source = _Generated(300_000_000)
    opened = io.BufferedReader(source)
    tracemalloc.start()
    try:
        found = find(opened if find is elements else lambda: nullcontext(opened), 64 << 20)
        assert sum(1 for element in found if element.data) == source.count
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()
