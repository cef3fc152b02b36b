"""The text digest changes with everything that masked text depends on, and with nothing else."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from schemas.formats import BUILT_IN
from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from schemas.tables import DECISIONS
from schemas.units import Unit
from transforms.decide.text_digest import text_digests
from transforms.sources.base import ReadContext
from transforms.sources.facts.digests import digest_at

Row = dict[str, Any]
CONTEXT = ReadContext(KeyedHasher(b"k" * 32), Limits(), (Defaults(),) * 3)
UNIT = Unit(0, "canonical", "bytes", ("/logs/a.jsonl",), 0, 100, 100)


def pointer(digest: int, row: int = 0, unit: Unit = UNIT) -> Row:
    return {"unit": unit.encode(), "row": row, "offset": 7, "length": 9, "digest": digest}


def kept(record: int, index: int, thread: int = 0) -> Row:
    return {"record": record, "index": index, "thread": thread}


def decision() -> Row:
    return {
        "conversation_key": b"c" * 16,
        "user_key": b"u" * 16,
        "tier": "free",
        "surface": "chat",
        "basis": "user_consent",
        "records": [pointer(11, 3), pointer(12, 4)],
        "kept": [kept(0, 0), kept(1, 1), kept(0, 2, 5)],
    }


def digests(*rows: Row, context: ReadContext = CONTEXT) -> list[int]:
    found: list[int] = text_digests(pa.Table.from_pylist(list(rows), schema=DECISIONS), context).tolist()
    return found


def other(**fields: Any) -> Callable[[Row], None]:
    return lambda row: row.update(fields)


def in_record(place: int, **fields: Any) -> Callable[[Row], None]:
    return lambda row: row["records"][place].update(fields)


def in_message(place: int, **fields: Any) -> Callable[[Row], None]:
    return lambda row: row["kept"][place].update(fields)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(other(conversation_key=b"d" * 16), id="conversation: surrogates depend on it"),
        pytest.param(other(conversation_key=b"c" * 15 + b"d"), id="last byte of the conversation key"),
        pytest.param(in_record(0, digest=-11), id="bytes of the first record"),
        pytest.param(in_record(1, digest=13), id="bytes of another record"),
        pytest.param(lambda row: row["records"].reverse(), id="order of records"),
        pytest.param(lambda row: row["records"].append(pointer(14)), id="one record more"),
        pytest.param(lambda row: row["records"].pop(), id="one record fewer"),
        pytest.param(
            in_record(0, unit=Unit(0, "sharegpt", "bytes", ("/logs/a.jsonl",)).encode()), id="format"
        ),
        pytest.param(in_message(0, record=1), id="a message of another record"),
        pytest.param(in_message(1, index=0), id="another message of the record"),
        pytest.param(in_message(2, thread=6), id="another thread"),
        pytest.param(lambda row: row["kept"].reverse(), id="order of messages"),
        pytest.param(lambda row: row["kept"].pop(), id="one message fewer"),
        pytest.param(lambda row: row["kept"].append(kept(1, 2)), id="one message more"),
    ],
)
def test_it_changes_with_what_the_masked_text_depends_on(change: Callable[[Row], None]) -> None:
    """A row that is taken over in spite of such a change would not be what a rebuild writes."""
    changed = decision()
    change(changed)
    first, second = digests(decision(), changed)
    assert first != second


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            in_record(0, unit=Unit(2, "canonical", "stream", ("/moved/b.gz",)).encode()), id="moved"
        ),
        pytest.param(in_record(0, row=9), id="another row of the file"),
        pytest.param(in_record(0, offset=1, length=2), id="another place in bytes"),
        pytest.param(other(user_key=b"v" * 16), id="user: not masked by, and set anew"),
        pytest.param(other(tier="max", surface="code", basis="separate_authorization"), id="labels"),
        pytest.param(other(messages_seen=7, text_bytes=70, created_on=None), id="figures and dates"),
    ],
)
def test_it_stays_when_files_move_or_the_decision_gets_other_columns(change: Callable[[Row], None]) -> None:
    """Otherwise every delivery into another folder would be masked again."""
    changed = decision()
    change(changed)
    first, second = digests(decision(), changed)
    assert first == second


def test_a_record_of_a_foreign_format_counts_with_its_row() -> None:
    """Its package may give all records of a file one digest."""
    unit = Unit(0, "made-elsewhere", "stream", ("/logs/a",))
    assert unit.format not in BUILT_IN
    first, second = decision(), decision()
    for row in (first, second):
        row["records"] = [pointer(11, 3, unit), pointer(12, 4)]
    second["records"][0]["row"] = 5
    assert len({*digests(first, second)}) == 2


def test_another_key_gives_other_digests() -> None:
    """The author of a log must not be able to make two sessions with one digest."""
    other_key = dataclasses.replace(CONTEXT, hasher=KeyedHasher(b"l" * 32))
    assert digests(decision()) != digests(decision(), context=other_key)


@dataclasses.dataclass(frozen=True)
class _MoreSettings(ReadContext):
    """Reading with one more setting for each input."""

    spoken: tuple[str, ...] = ()


def test_settings_of_reading_count_unless_they_are_known_to_leave_texts_alone() -> None:
    """A setting that is added to reading must not leave old rows behind. Owners are set anew."""
    given = {field.name: getattr(CONTEXT, field.name) for field in dataclasses.fields(CONTEXT)}
    first, again, changed, elsewhere = (
        _MoreSettings(**given, spoken=spoken) for spoken in (("a", "b"), ("a", "b"), ("c", "b"), ("a", "c"))
    )
    expected = digests(decision(), context=first)
    assert digests(decision(), context=again) == expected
    assert digests(decision(), context=changed) != expected
    assert digests(decision(), context=elsewhere) == expected
    owned = dataclasses.replace(
        CONTEXT, defaults=(Defaults(user_id="u9", tier="max"),) * 3, roots=("/a", "/b", "/c")
    )
    assert digests(decision(), context=owned) == digests(decision())


def test_no_session_gives_no_digest_and_neighbours_do_not_matter() -> None:
    """Pieces of a run hold other sessions on other days."""
    assert digests() == []
    short = {**decision(), "conversation_key": b"s" * 16, "records": [pointer(1)], "kept": [kept(0, 0)]}
    assert digests(short, decision()) == [*digests(short), *digests(decision())]
    assert digests(decision(), short) == [*digests(decision()), *digests(short)]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(0, 1)), max_size=4, unique=True))
def test_equal_sessions_only_have_equal_digests(messages: list[tuple[int, int, int]]) -> None:
    """Lists of messages are told apart from each other and from lists of records."""
    row = decision()
    row["kept"] = [kept(*each) for each in messages]
    again = copy.deepcopy(row)
    for each in again["records"]:
        each["row"] += 1
    assert len({*digests(row, again)}) == 1
    assert (digests(row) == digests(decision())) == (row["kept"] == decision()["kept"])


def test_records_of_one_batch_have_different_digests() -> None:
    """The first has that of the batch; the digest is a signed number of 64 bits."""
    found = [digest_at(2**63 - 1, place) for place in range(1_000)]
    assert found[0] == 2**63 - 1
    assert len({*found}) == 1_000
    assert all(-(2**63) <= number < 2**63 for number in found if number is not None)
    assert digest_at(None, 3) is None
