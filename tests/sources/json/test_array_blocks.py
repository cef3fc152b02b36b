"""Array elements decoded in blocks: the result equals decoding one by one."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.sources.json import array_blocks as json_array_blocks
from transforms.sources.json.array import ArrayCut, Element, elements
from transforms.sources.json.array_blocks import Block, blocks_of_elements

_PLAIN = msgspec.json.Decoder(list[Any]).decode
_TYPED = msgspec.json.Decoder(list[dict[str, int | str | list[Any] | dict[str, Any] | None]]).decode
MANY = 1 << 20

NAMES = ["a", "b", '},{"a":1', "é", "\\", "\n"]
VALUES = st.recursive(
    st.one_of(st.none(), st.integers(-9, 9), st.sampled_from(NAMES)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner)),
    max_leaves=6,
)
ITEMS = st.one_of(
    st.builds(lambda value: {"a": 1, "b": value}, VALUES),
    st.builds(lambda value: {"a": 1, "b": [{"a": 1, "b": value}, {"a": 2, "b": 0}]}, VALUES),
    VALUES,
)
DAMAGE = [b'"', b"{", b"}", b"[", b"]", b",", b"\\", b"\xff", b"\0", b"1e999", b'{"a": 1, "b": ', b" "]


def one_by_one(data: bytes, max_bytes: int) -> tuple[list[Element], str]:
    found: list[Element] = []
    try:
        found.extend(elements(io.BytesIO(data), max_bytes))
    except (ArrayCut, OSError) as error:
        return found, repr(error)
    return found, ""


def at_once(
    data: bytes, max_bytes: int, chunk: int, decode: Callable[[bytes], list[Any]] = _PLAIN
) -> tuple[list[Element], str, int]:
    """The elements, the fault at the end, and the number of elements decoded in blocks."""
    found: list[Element] = []
    blocks = 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_array_blocks, "_CHUNK", chunk)
        patch.setattr(json_array_blocks, "_FEW_BYTES", 1)
        try:
            for part in blocks_of_elements(lambda: nullcontext(io.BytesIO(data)), max_bytes, decode):
                some = part.elements() if isinstance(part, Block) else [part]
                if isinstance(part, Block):
                    values = [json.loads(each.data or b"") for each in some]
                    assert part.decoded in (values, [None] * len(some))
                    blocks += len(some) if part.decoded == values else 0
                found += some
        except (ArrayCut, OSError) as error:
            return found, repr(error), blocks
    return found, "", blocks


def written(items: list[Any], indent: int | None, front: bytes, behind: bytes) -> bytes:
    return front + json.dumps(items, indent=indent, ensure_ascii=False).encode() + behind


ARRAYS = st.builds(
    written,
    st.lists(ITEMS, max_size=8),
    st.sampled_from([None, 0, 2]),
    st.sampled_from([b"", b"\xef\xbb\xbf", b" \n", b"\xef\xbb\xbf\t"]),
    st.sampled_from([b"", b"\n", b" \n ", b"x", b"\n[1]", b"]", b","]),
)


@given(ARRAYS, st.sampled_from([7, 20, 64, MANY]), st.sampled_from([100, 320, MANY]), st.booleans())
@example(b'[{"a": 1, "b": 2}, {"a": 1, "b": 3},]', 20, MANY, False)
@example(b'[{"a": 1, "b": [{"a": 1, "b": 2}, {"a": 1, "b": 3}]}]', 20, MANY, False)
@example(b"[]", 20, MANY, False)
@example(b"", 20, MANY, False)
@example(b'{"a": [{"a": 1, "b": 2}]}', 20, MANY, False)
def test_valid_arrays_give_the_same_elements_in_blocks_and_one_by_one(
    data: bytes, chunk: int, limit: int, typed: bool
) -> None:
    """Block ends are found by how elements begin, and a text or an inner list may begin the same way."""
    found, ended, _ = at_once(data, limit, chunk, _TYPED if typed else _PLAIN)
    assert (found, ended) == one_by_one(data, limit)


@given(
    ARRAYS,
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 9), st.sampled_from(DAMAGE)), max_size=3),
    st.sampled_from([7, 20, 64]),
    st.sampled_from([100, MANY]),
)
def test_damaged_arrays_give_the_same_elements_in_blocks_and_one_by_one(
    data: bytes, damage: list[tuple[int, int, bytes]], chunk: int, limit: int
) -> None:
    """No element decoded in a block may be part of a broken element."""
    for at, cut, instead in damage:
        data = data[:at] + instead + data[at + cut :]
    found, ended, _ = at_once(data, limit, chunk)
    assert (found, ended) == one_by_one(data, limit)


@pytest.mark.parametrize("indent", [None, 1])
def test_good_arrays_come_in_blocks(indent: int | None) -> None:
    """Else the tests above compare one way with itself."""
    items = [{"a": n, "b": [{"c": n}], "d": '},{"a":1,"b":'} for n in range(40)]
    found, ended, blocks = at_once(written(items, indent, b"\xef\xbb\xbf", b"\n"), MANY, 200)
    assert (len(found), ended, blocks) == (40, "", 40)


def test_a_type_mismatch_slows_only_its_own_block() -> None:
    """One unusual element must not make the rest of a large file slow."""
    items = [{"a": n, "b": 1.5 if n == 20 else "x"} for n in range(40)]
    data = written(items, None, b"", b"")
    found, ended, blocks = at_once(data, MANY, 60, _TYPED)
    assert (found, ended) == one_by_one(data, MANY)
    assert 30 < blocks < 40


class _Failing(io.BytesIO):
    """A stream that fails where a compressed one is damaged: what was asked for at once is lost with it."""

    def __init__(self, data: bytes, good: int) -> None:
        super().__init__(data)
        self._good = good

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        if self.tell() > self._good:
            raise OSError
        return data


def test_a_stream_that_fails_gives_as_much_as_one_by_one() -> None:
    """A pointer to a session that is not found again would end a run."""
    rng = random.Random(1)
    for _ in range(40):
        sizes = [rng.choice([10, 10_000, 700_000, 1_500_000]) for _ in range(8)]
        data = json.dumps([{"a": 1, "b": "x" * size} for size in sizes]).encode()
        good = rng.randrange(len(data))
        expected, found = list[Element](), list[Element]()
        with pytest.raises(OSError):  # noqa: PT012 - as many as there are before it
            for element in elements(_Failing(data, good), MANY << 4):
                expected.append(element)
        parts = blocks_of_elements(lambda: nullcontext(_Failing(data, good)), MANY << 4, _PLAIN)  # noqa: B023
        with pytest.raises(OSError):  # noqa: PT012
            for part in parts:
                found += part.elements() if isinstance(part, Block) else [part]
        assert found == expected
