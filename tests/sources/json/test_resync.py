"""Arrays with an element that is damaged: the elements behind it are found again by how they begin."""

from __future__ import annotations

import io
import json
import random
import time
from typing import Any

import pytest

from transforms.sources.files import is_json
from transforms.sources.json.array import ArrayCut, Element, elements


def item(number: int, text: str = "x") -> bytes:
    inner = [{"uuid": f"m{number}", "text": text}, {"uuid": "n", "text": '{"uuid": "z", "name": "'}]
    return json.dumps({"uuid": f"c{number}", "name": "", "chat_messages": inner}).encode()


def cut(data: bytes, most: int = 1 << 20, key: bytes | None = None) -> tuple[list[Element], bool]:
    """The elements, and whether the array was cut."""
    found: list[Element] = []
    try:
        found.extend(elements(io.BytesIO(data), most, key))
    except ArrayCut:
        return found, True
    return found, False


def names(found: list[Element]) -> list[str]:
    """Which elements are whole."""
    whole = [json.loads(each.data) for each in found if each.data is not None and is_json(each.data)]
    return [each["uuid"] for each in whole]


DAMAGE = {
    "a bracket too few": lambda data: data.replace(b"]", b""),
    "a brace too few": lambda data: data[:-1],
    "a brace too many": lambda data: data + b"}",
    "a bracket too many": lambda data: data + b"]",
    "a quote too few": lambda data: data.replace(b'"text"', b'"text', 1),
    "a quote too many": lambda data: data.replace(b"chat_messages", b'chat_"messages', 1),
    "cut in the middle": lambda data: data[: len(data) // 2],
    "cut in its name": lambda data: data[:3],
    "a backslash": lambda data: data.replace(b": ", b"\\: ", 1),
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
@pytest.mark.parametrize("key", [None, b"conversations"])
@pytest.mark.parametrize("place", [1, 2, 98])
def test_what_is_behind_a_damaged_element_is_found(damage: Any, key: bytes | None, place: int) -> None:
    """An export is one line; a byte that a disk lost must not cost the years behind it."""
    parts = [item(number) for number in range(100)]
    parts[place] = damage(parts[place])
    data = b"[" + b", ".join(parts) + b"]"
    found, _ = cut(b'{"conversations": ' + data + b', "v": [1]}' if key else data, key=key)
    whole = [f"c{number}" for number in range(100) if number != place]
    assert [name for name in names(found) if name != f"c{place}"] == whole
    assert place in (1, 2) or not cut(data)[1]


def test_an_element_too_long_because_it_is_broken_is_no_longer_than_it_is() -> None:
    """An open string runs to the end of the file: held whole, a gigabyte of others was one long element."""
    broken = item(1).replace(b"]", b"")
    data = b"[" + b",".join([item(0), broken, *(item(number, "y" * 300) for number in range(2, 500))]) + b"]"
    found, was_cut = cut(data, most=2_000)
    assert names(found) == ["c0", *(f"c{number}" for number in range(2, 500))]
    assert not was_cut


def test_an_element_that_is_really_too_long_is_still_left_out() -> None:
    """And the next one begins behind it."""
    data = b"[" + b",".join([item(0), item(1, "y" * 3_000_000), item(2)]) + b"]"
    found, was_cut = cut(data, most=1_000)
    assert names(found) == ["c0", "c2"]
    assert [each.data is None for each in found] == [False, True, False]
    assert not was_cut


@pytest.mark.parametrize("size", range(0, 385, 7))
def test_a_cut_file_ends_where_it_did(size: int) -> None:
    """What is inside of the last conversation must not be taken for others."""
    data = b"[" + b",".join([item(0), item(1), item(2)])
    size = len(data) - size
    found, was_cut = cut(data[:size])
    assert was_cut
    assert names(found) == [f"c{n}" for n in range(3) if len(b",".join(map(item, range(n + 1)))) + 1 < size]


def test_elements_that_begin_in_many_ways_are_all_found() -> None:
    """Spans of several makers in one array have their fields in any order."""
    rng = random.Random(7)
    items: list[Any] = [
        {f"k{rng.randrange(50)}": value, "b": [1, {"k1": 2, "b": 3}], "c": 'a "quoted" \\ word'}
        for value in [None, 1, "x", [], {}, 1.5, True, "\\"] * 50
    ]
    items += [1, "x", None, [], [[{"k1": 1, "b": 2}, {"k1": 2, "b": 2}]], {}]
    rng.shuffle(items)
    found, was_cut = cut(json.dumps(items).encode())
    assert [json.loads(each.data or b"") for each in found] == items
    assert not was_cut


def test_a_file_of_nothing_but_beginnings_ends_in_time() -> None:
    """Going on behind each of them scans the rest anew: without a limit, for hours."""
    data = b'[{"a":1,"b":2},' + b'{"a":1,"b":[' * 30_000
    began = time.process_time()
    _, was_cut = cut(data, most=len(data))
    assert was_cut
    assert time.process_time() - began < 30
