"""Which sessions are known, which of them are checked, and when a difference is found."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from schemas.manifest import FileEntry
from schemas.state import KNOWN, TO_MASK
from transforms.decide.known_rows import Checked, split_known
from transforms.reuse.compared import compare, not_taken, session_digests
from transforms.reuse.known import KnownShard, known_rows
from transforms.shuffle.fragments import FRAGMENT


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def known(number: int, digest: int, shard: int = 0, refusal: str | None = None) -> dict[str, Any]:
    return {
        "conversation_key": key(number),
        "text_digest": digest,
        "characters": 10 * number,
        "dropped_blocks": 1,
        "masked_again": 2,
        "refusal": refusal,
        "shard": shard,
    }


def eligible(*pairs: tuple[int, int]) -> pa.Table:
    rows = [
        {"conversation_key": key(n), "text_digest": digest, "records": [], "kept": []} for n, digest in pairs
    ]
    return pa.Table.from_pylist(rows, schema=TO_MASK)


def test_known_are_those_with_the_same_key_and_digest() -> None:
    """A changed digest, a new key and an engine that failed mean that the text is read."""
    before = [
        known(1, 11),
        known(2, 12),
        known(3, 13, 2, "pii_density"),
        known(4, 14, 1, "deid_failed"),
        known(9, 15),
    ]
    sessions = eligible((3, 13), (1, 11), (2, -12), (4, 14), (5, 15))
    split = split_known(sessions, pa.Table.from_pylist(before, schema=KNOWN))
    columns = ["conversation_key", "characters", "dropped_blocks", "masked_again", "refusal"]
    assert [tuple(row.values()) for row in split.taken.select(columns).to_pylist()] == [
        (key(3), 30, 1, 2, "pii_density"),
        (key(1), 10, 1, 2, None),
    ]
    assert split.shards.to_pylist() == [2, 0]
    assert split.others["conversation_key"].to_pylist() == [key(2), key(4), key(5)]


@pytest.mark.parametrize("count", [0, 1])
def test_without_a_version_before_all_are_read(count: int) -> None:
    """The first run, and a piece without sessions."""
    sessions = eligible(*[(1, 11)] * count)
    split = split_known(sessions, KNOWN.empty_table())
    assert (split.taken.num_rows, len(split.shards), split.others.num_rows) == (0, 0, count)


def test_the_sample_is_a_share_and_another_one_in_each_version() -> None:
    """With one sample for ever, most rows would never be checked."""
    keys = pa.chunked_array([pa.array([key(n * 2**64 + n) for n in range(20_000)], pa.binary(16))])
    first, second = Checked(0.05, 2).among(keys), Checked(0.05, 3).among(keys)
    assert 850 < first.sum() < 1_150
    assert 10 < (first & second).sum() < 120
    assert (first == Checked(0.05, 2).among(keys)).all()
    assert (first <= Checked(0.06, 2).among(keys)).all()
    assert Checked(0.0, 2).among(keys).sum() == 0
    assert Checked(1.0, 2).among(keys).all()


def rows_of(*rows: tuple[int, int, str]) -> pa.Table:
    listed = [{"key": key(n), "ordinal": ordinal, "language": language} for n, ordinal, language in rows]
    return pa.Table.from_pylist(listed, schema=FRAGMENT)


def sessions_of(*numbers: int, **other: Any) -> pa.Table:
    return pa.Table.from_pylist([known(n, 0) | other for n in numbers], schema=KNOWN)


def test_equal_sessions_are_equal_in_any_order() -> None:
    """Both sides come from different workers."""
    one = session_digests(rows_of((1, 0, "en"), (1, 1, "fr"), (2, 0, "de")), sessions_of(1, 2), "taken")
    other = session_digests(rows_of((2, 0, "de"), (1, 1, "fr"), (1, 0, "en")), sessions_of(2, 1), "masked")
    assert compare([*other, *one]) == (2, 0, [])


@pytest.mark.parametrize(
    ("rows", "sessions"),
    [
        (rows_of((1, 0, "fr")), sessions_of(1)),
        (rows_of((1, 0, "en"), (1, 1, "en")), sessions_of(1)),
        (rows_of(), sessions_of(1)),
        (rows_of((1, 0, "en")), sessions_of(1, characters=11)),
        (rows_of((1, 0, "en")), sessions_of(1, masked_again=3)),
        (rows_of((1, 0, "en")), sessions_of(1, refusal="oversize")),
        (rows_of(), sessions_of()),
    ],
    ids=["column", "a row more", "no row", "characters", "masked again", "refusal", "not masked"],
)
def test_any_difference_is_found(rows: pa.Table, sessions: pa.Table) -> None:
    """Of a row's columns, of the number of rows, and of the figures that the report sums."""
    taken = session_digests(rows_of((1, 0, "en")), sessions_of(1), "taken")
    found = compare([*taken, *session_digests(rows, sessions, "masked")])
    assert found == (1, 1, [key(1).hex()])


def test_a_session_that_was_not_taken_over_is_not_compared() -> None:
    """Its shard was damaged, so that it was masked anyway."""
    masked = list(session_digests(rows_of((1, 0, "en")), sessions_of(1), "masked"))
    assert compare([*masked, *not_taken(sessions_of(1))]) == (0, 0, [])
    assert compare(masked) == (1, 1, [key(1).hex()])


def entries(*names: str) -> list[FileEntry]:
    return [FileEntry(name, 1, 1, f"sum of {name}") for name in names]


def test_shards_and_states_are_paired_by_name() -> None:
    """Each shard has one state."""
    data, state = "data/train-0000{}-of-00002.parquet", "restricted/state/rows-0000{}-of-00002.parquet"
    names = [each.format(number) for each in (state, data) for number in (1, 0)]
    found = known_rows("out/v1", entries("README.md", *names), Checked())
    assert found is not None
    assert found.shards[1] == KnownShard(
        data.format(1), f"sum of {data.format(1)}", state.format(1), f"sum of {state.format(1)}"
    )
    for missing in names:
        rest = [name for name in names if name != missing]
        assert known_rows("out/v1", entries(*rest), Checked()) is None
    assert known_rows("out/v1", entries("README.md"), Checked()) is None
