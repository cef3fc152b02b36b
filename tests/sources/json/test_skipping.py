"""Values that a decoder skips and nobody reads: whether it would have refused them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.sources.json.skipping import may_skip


class _Nothing(msgspec.Struct):
    """A decoder of this skips every value."""


def _taken(data: bytes, kind: Any) -> bool:
    try:
        msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return False
    return True


NUMBERS = st.builds(
    "{}{}{}{}".format,
    st.sampled_from(["", "-"]),
    st.one_of(st.integers(0, 10**20), st.integers(200, 420).map(lambda size: 10**size)),
    st.one_of(st.just(""), st.integers(0, 10**9).map(".{}".format)),
    st.one_of(
        st.just(""), st.builds("{}{}".format, st.sampled_from(["e", "E+", "e-"]), st.integers(0, 9999))
    ),
)
VALUES = st.one_of(
    NUMBERS.map(str.encode),
    st.builds(lambda a, b: b'["x", ' + a.encode() + b",\n" + b.encode() + b"]", NUMBERS, NUMBERS),
    st.binary(max_size=6).map(lambda data: b'"' + data + b'"'),
    st.text(max_size=6).map(lambda text: json.dumps(text, ensure_ascii=False).encode("utf-8", "replace")),
)


@given(VALUES)
@example(b"1e999")
@example(b'{"a":-1E+400}')
@example(b'"\xed\xa0\x80"')
@example(b'"\xff"')
def test_what_a_decoder_would_wrongly_pass_over_is_known(value: bytes) -> None:
    """A value that nobody reads may still be none: a record with it is malformed whoever decodes it."""
    data = b'{"a":' + value + b"}"
    if _taken(data, _Nothing) and not _taken(data, Any):
        assert not may_skip(data)


@pytest.mark.parametrize("number", [b"1e999", b"-2.5E+400", b"1" * 310, b"1" + b"0" * 219 + b"e99"])
@pytest.mark.parametrize("before", [*range(130_740, 131_100, 23), 131_066, 131_071, 131_072, 131_073])
def test_a_great_number_is_known_wherever_it_stands(before: int, number: bytes) -> None:
    """Bytes are looked at window by window, and a number may lie across two."""
    data = b'["' + b"x" * (before - 4) + b'",' + number + b"]"
    assert data.index(number) == before
    assert not may_skip(data)
    assert not may_skip(data[:-1])
    assert may_skip(data.replace(number, b"1e99"))


def test_ids_and_small_numbers_may_be_skipped() -> None:
    """Hexadecimal ids are full of digits around an `e`; if each were a doubt, no line would be read fast."""
    ids = [f"{n:08x}-4e12-{n:04x}e567-9{n % 10}e{n:03d}" for n in range(2_000)]
    assert may_skip(
        json.dumps([{"id": each, "cost": 1.5e-7, "size": n} for n, each in enumerate(ids)]).encode()
    )
