"""Records that repeat the history of others, found by the digests of their turns."""

from __future__ import annotations

import random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas.tables import FACTS, HISTORIES
from schemas.units import Unit
from transforms.shuffle.histories import joins_of, with_joins

#: User, key, and the turns of a record.
Record = tuple[int, int, str]
RECORDS = st.lists(
    st.tuples(st.integers(1, 2), st.integers(1, 6), st.text("ab", max_size=4)), max_size=9
)  # fmt: skip


def key(number: int) -> bytes:
    return bytes([number]) * 16


def table(records: list[Record]) -> pa.Table:
    rows = [
        {"user_key": key(user), "conversation_key": key(name), "message_id": numbers(turns)}
        for user, name, turns in records
    ]
    return pa.Table.from_pylist(rows, schema=HISTORIES)


def numbers(turns: str) -> list[int]:
    """A number for each turn that is unique to all turns up to it."""
    return [int.from_bytes(turns[: place + 1].encode(), "big") for place in range(len(turns))]


def found(records: list[Record]) -> dict[tuple[int, int], int | None]:
    return {
        (row["user_key"][0], row["key"][0]): row["conversation_key"] and row["conversation_key"][0]
        for row in joins_of(table(records)).to_pylist()
    }


def expected(records: list[Record]) -> dict[tuple[int, int], int | None]:
    """The joins, from the sentences of docs/data-model.md, one record at a time."""
    joins: dict[tuple[int, int], int | None] = {}
    for user, name in {(user, name) for user, name, turns in records if turns}:
        others = [(other, turns) for owner, other, turns in records if owner == user and turns]
        longest = {
            turns
            for _, turns in others
            if not any(more.startswith(turns) and more != turns for _, more in others)
        }
        of = {turns: min(other for other, more in others if more == turns) for turns in longest}
        into: set[int | None] = set()
        for turns in [turns for other, turns in others if other == name]:
            begun = [more for more in longest if more.startswith(turns)]
            into.add(of[begun[0]] if len(begun) == 1 else None)
        if name not in into:
            joins[user, name] = into.pop() if len(into) == 1 else None
    return joins


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
    assert found([(1, 1, "a"), (1, 2, "ab"), (1, 3, "abc")]) == {(1, 1): 3, (1, 2): 3}
    assert found([(1, 5, "ab"), (1, 4, "ab")]) == {(1, 5): 4}
    assert found([(1, 1, "a"), (1, 2, "ab"), (1, 3, "ac")]) == {(1, 1): None}
    assert found([(1, 1, "ab"), (1, 2, "ac")]) == {}
    assert found([(1, 1, "a"), (2, 2, "ab")]) == {}
    assert found([(1, 1, "a"), (1, 1, "b"), (1, 2, "ab")]) == {}
    assert found([(1, 1, ""), (1, 2, "ab")]) == {}


def facts(source_format: str) -> pa.Table:
    unit = Unit(0, source_format, "stream", ("a",)).encode()
    rows = [
        {"user_key": key(1), "conversation_key": key(name), "unit": unit, "incognito": False, "row": 0}
        | {field.name: [1] for field in FACTS if field.name.startswith("message_")}
        for name in (1, 2, 3)
    ]
    return pa.Table.from_pylist(
        [{name: row.get(name) for name in FACTS.names} | {"message_sent_at": [0]} for row in rows],
        schema=FACTS,
    )


def test_a_record_that_begins_several_loses_its_messages_only_where_it_may_repeat() -> None:
    """A canonical record with the same id has messages of its own."""
    joins = joins_of(table([(1, 1, "a"), (1, 2, "ab"), (1, 3, "ac"), (1, 4, "x"), (1, 5, "xy")]))
    for source_format, length in (("sharegpt", 0), ("canonical", 1)):
        changed = with_joins(facts(source_format), joins).to_pylist()
        assert [row["conversation_key"] for row in changed] == [key(1), key(2), key(3)]
        assert [len(row["message_id"]) for row in changed] == [length, 1, 1]
    assert with_joins(facts("sharegpt"), joins_of(table([]))).equals(facts("sharegpt"))
