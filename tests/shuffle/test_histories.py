"""Records that repeat the history of others, found by the digests of their turns."""

from __future__ import annotations

import random
from typing import NamedTuple

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.tables import FACTS, HISTORIES
from schemas.units import Unit
from transforms.shuffle.histories import joins_of, with_joins

#: User, key, and the turns of a record.
Record = tuple[int, int, str]
#: In place of turns: a record of a format in which no record repeats another one.
OTHER = "other"
RECORDS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(1, 6), st.text("ab", max_size=4) | st.just(OTHER)), max_size=9
)  # fmt: skip


def key(number: int) -> bytes:
    return bytes([number]) * 16


def table(records: list[Record]) -> pa.Table:
    rows = [
        {
            "user_key": key(user),
            "conversation_key": key(name),
            "created_at": name,
            "message_id": None if turns == OTHER else numbers(turns),
        }
        for user, name, turns in records
    ]
    return pa.Table.from_pylist(rows, schema=HISTORIES)


def numbers(turns: str) -> list[int]:
    """A number for each turn that is unique to all turns up to it."""
    return [int.from_bytes(turns[: place + 1].encode(), "big") for place in range(len(turns))]


class Begun(NamedTuple):
    """What becomes of the records of a key: it stays, and the conversations that begin with one of them."""

    stays: bool
    into: frozenset[int]


def found(records: list[Record]) -> dict[tuple[int, int], Begun]:
    joins: dict[tuple[int, int], Begun] = {}
    rows = joins_of(table(records)).to_pylist()
    for row in rows:
        own = row["user_key"][0], row["key"][0]
        before = joins.get(own, Begun(row["stays"], frozenset()))
        assert before.stays == row["stays"]
        joins[own] = Begun(row["stays"], before.into | {row["conversation_key"][0]})
    assert len({tuple(row.items()) for row in rows}) == len(rows)
    return joins


def expected(records: list[Record]) -> dict[tuple[int, int], Begun]:
    """The joins, from the sentences of docs/reference/data-model.md, one record at a time."""
    joins: dict[tuple[int, int], Begun] = {}
    for user, name in {(user, name) for user, name, _ in records}:
        others = [
            (other, turns) for owner, other, turns in records if owner == user and turns not in ("", OTHER)
        ]
        longest = {
            turns
            for _, turns in others
            if not any(more.startswith(turns) and more != turns for _, more in others)
        }
        of = {turns: min(other for other, more in others if more == turns) for turns in longest}
        own = [turns for other, turns in others if other == name]
        stays = name in of.values() or (user, name, OTHER) in records
        into = {of[more] for turns in own for more in longest if more.startswith(turns)} - {name}
        if into:
            joins[user, name] = Begun(stays, frozenset(into))
    return joins


def goes(*into: int) -> Begun:
    return Begun(False, frozenset(into))


def stays(*into: int) -> Begun:
    return Begun(True, frozenset(into))


@given(RECORDS, st.randoms())
def test_joins_are_those_of_the_written_rule_in_any_order(
    records: list[Record], shuffled: random.Random
) -> None:
    """A wrong join loses a conversation; a missed one trains the same words again."""
    mixed = records[:]
    shuffled.shuffle(mixed)
    assert found(records) == found(mixed) == expected(records)


def test_the_longest_record_is_the_conversation_and_a_shared_beginning_is_none() -> None:
    """Each side of the rule: a chain, equal records, a greeting of two, another user, one id with two."""
    assert found([(1, 1, "a"), (1, 2, "ab"), (1, 3, "abc")]) == {(1, 1): goes(3), (1, 2): goes(3)}
    assert found([(1, 5, "ab"), (1, 4, "ab")]) == {(1, 5): goes(4)}
    assert found([(1, 1, "a"), (1, 2, "ab"), (1, 3, "ac")]) == {(1, 1): goes(2, 3)}
    assert found([(1, 1, "ab"), (1, 2, "ac")]) == {}
    assert found([(1, 1, "a"), (2, 2, "ab")]) == {}
    assert found([(1, 1, "a"), (1, 1, "b"), (1, 2, "ab")]) == {(1, 1): stays(2)}
    assert found([(1, 1, "a"), (1, 1, OTHER), (1, 2, "ab")]) == {(1, 1): stays(2)}
    assert found([(1, 1, "a"), (2, 1, OTHER), (1, 2, "ab")]) == {(1, 1): goes(2)}
    assert found([(1, 1, ""), (1, 2, "ab")]) == {}


def facts(*records: Record, sent_at: int = 50) -> pa.Table:
    unit = Unit(0, "sharegpt", "stream", ("a",)).encode()
    rows = []
    for user, name, turns in records:
        row = {
            "user_key": key(user),
            "conversation_key": key(name),
            "unit": unit,
            "incognito": False,
            "row": 0,
        }
        row |= {field.name: [1] * len(turns) for field in FACTS if field.name.startswith("message_")}
        times = [sent_at] * len(turns)
        rows.append(
            {name: row.get(name) for name in FACTS.names}
            | {"message_id": numbers(turns), "message_sent_at": times}
        )
    return pa.Table.from_pylist(rows, schema=FACTS)


def times(table: pa.Table) -> list[list[int]]:
    return [[round(at.timestamp() * 1e6) for at in row] for row in table["message_sent_at"].to_pylist()]


def keys_of(table: pa.Table) -> list[int]:
    return [found[0] for found in table["conversation_key"].to_pylist()]


def test_a_record_that_begins_several_gives_them_its_time_and_no_messages() -> None:
    """Words of a time without consent must not become newer because two conversations repeat them."""
    records: list[Record] = [(1, 7, "a"), (1, 60, "ab"), (1, 61, "ac"), (1, 62, "x"), (2, 63, "ab")]
    changed = with_joins(facts(*records), joins_of(table(records)))
    assert keys_of(changed) == [7, 60, 61, 62, 63]
    assert times(changed) == [[], [7, 50], [7, 50], [50], [50, 50]]
    later = with_joins(facts(*records, sent_at=3), joins_of(table(records)))
    assert times(later) == [[], [3, 3], [3, 3], [3], [3, 3]]
    assert with_joins(facts(*records), joins_of(table([]))).equals(facts(*records))


def test_a_key_with_other_records_stays_and_gives_its_time() -> None:
    """A canonical record with the same id is another conversation, which must not move to this one."""
    records: list[Record] = [(1, 7, "ab"), (1, 60, "abc")]
    for other in ((1, 7, "z"), (1, 7, OTHER)):
        changed = with_joins(facts(*records), joins_of(table([*records, other])))
        assert (keys_of(changed), times(changed)) == ([7, 60], [[7, 7], [7, 7, 50]])
    changed = with_joins(facts(*records), joins_of(table(records)))
    assert keys_of(changed) == [60, 60]
