"""WildChat and LMSYS-Chat: rows of public corpora, with columns that must not be read."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.records import Defaults, Limits
from tests.support.source_files import CONTEXT, Everything, read_all
from transforms.sources.canonical import parquet_layout

AT = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=AT, user_id="me", tier="pro"),))
ASKED = dt.datetime(2023, 5, 1, 10, 0, tzinfo=dt.UTC)
CANARY = "canary-7f3a"
_INSTANT = pa.timestamp("us", "UTC")
_HEADER = pa.struct([("accept-language", pa.string()), ("user-agent", pa.string())])
WILD = pa.schema(
    [
        ("conversation_hash", pa.string()),
        ("model", pa.string()),
        ("timestamp", _INSTANT),
        (
            "conversation",
            pa.list_(
                pa.struct(
                    [
                        ("content", pa.string()),
                        ("country", pa.string()),
                        ("hashed_ip", pa.string()),
                        ("header", _HEADER),
                        ("role", pa.string()),
                        ("timestamp", _INSTANT),
                        ("turn_identifier", pa.int64()),
                    ]
                )
            ),
        ),
        ("hashed_ip", pa.string()),
        ("header", _HEADER),
        ("openai_moderation", pa.list_(pa.struct([("harassment/threatening", pa.float64())]))),
    ]
)
LMSYS = pa.schema(
    [
        ("conversation_id", pa.string()),
        ("model", pa.string()),
        ("conversation", pa.list_(pa.struct([("content", pa.string()), ("role", pa.string())]))),
        ("openai_moderation", pa.list_(pa.struct([("flagged", pa.bool_())]))),
    ]
)


def turn(role: str, content: str | None = "hi", number: int | None = 1, **fields: Any) -> dict[str, Any]:
    header = {"accept-language": CANARY, "user-agent": CANARY}
    whose = {"hashed_ip": CANARY, "country": CANARY, "header": header} if role == "user" else {}
    return {"role": role, "content": content, "turn_identifier": number, "timestamp": None, **whose} | fields


def wild(*turns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    header = {"accept-language": CANARY, "user-agent": CANARY}
    row = {"conversation_hash": "h1", "model": "gpt-4", "timestamp": ASKED + dt.timedelta(hours=1)}
    return row | {"conversation": list(turns), "hashed_ip": CANARY, "header": header} | fields


def write(path: Path, rows: list[dict[str, Any]], schema: pa.Schema = WILD, group: int = 2) -> Path:
    pq.write_table(pa.Table.from_pylist(rows, schema), path, row_group_size=group)
    return path


def read(path: Path, rows: list[dict[str, Any]], form: str = "wildchat", **how: Any) -> Everything:
    schema = WILD if form == "wildchat" else LMSYS
    return read_all([write(path / "a.parquet", rows, schema)], form, how.get("context", TIMED))


def test_turns_of_wildchat_are_in_order_with_the_time_of_their_answer(tmp_path: Path) -> None:
    """A user turn has no time in the corpus; it was sent before the answer and after the turn before."""
    answered, again = ASKED, ASKED + dt.timedelta(minutes=5)
    row = wild(
        turn("user", "one", 7),
        turn("assistant", "two", 7, timestamp=answered),
        turn("user", "three", 8),
        turn("assistant", "four", 8, timestamp=again),
        turn("user", "five", 9),
    )
    found = read(tmp_path, [row])
    (session,) = found.sessions
    assert [(m.role, m.content) for m in session.messages] == [
        ("user", "one"),
        ("assistant", "two"),
        ("user", "three"),
        ("assistant", "four"),
        ("user", "five"),
    ]
    assert [m.sent_at for m in session.messages] == [answered, answered, again, again, row["timestamp"]]
    ids = [m.message_id for m in session.messages]
    assert [m.parent_id for m in session.messages] == [None, *ids[:-1]]
    assert (session.created_at, session.user_id, session.tier) == (answered, "me", "pro")


def test_equal_conversations_of_two_people_stay_two(tmp_path: Path) -> None:
    """The hash of the corpus covers the content only; the turn number is unique."""
    found = read(tmp_path, [wild(turn("user", number=1)), wild(turn("user", number=2))])
    assert len({session.conversation_id for session in found.sessions}) == 2


def test_only_the_columns_of_a_session_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Addresses, countries and headers of people are in other columns, which are not opened."""
    path = write(tmp_path / "a.parquet", [wild(turn("user"), turn("assistant", timestamp=ASKED))] * 5)
    opened: list[str] = []
    batches_of = parquet_layout.batches_of

    def noting(file: Any, group: int, paths: Any = None) -> Any:
        opened.extend(paths)
        return batches_of(file, group, paths)

    monkeypatch.setattr("transforms.sources.chats.parquet.batches_of", noting)
    found = read_all([path], "wildchat", TIMED)
    assert CANARY not in repr(found)
    assert len(found.sessions) == 5
    assert {name.split(".")[-1] for name in opened} == {
        "conversation_hash",
        "timestamp",
        "content",
        "role",
        "turn_identifier",
    }


def test_lmsys_takes_its_times_from_the_defaults(tmp_path: Path) -> None:
    """The corpus has no times; without a default, the consent at that time is unknown."""
    row = {
        "conversation_id": "c1",
        "conversation": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": ""}],
    }
    (session,) = read(tmp_path, [row], "lmsys").sessions
    assert [(m.role, m.content, m.sent_at) for m in session.messages] == [
        ("user", "hi", AT),
        ("assistant", "", AT),
    ]
    assert read(tmp_path, [row], "lmsys", context=CONTEXT).codes == ["missing_field"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        pytest.param(wild(turn("user"), conversation_hash=None), "missing_field", id="no id"),
        pytest.param(wild(turn("user"), conversation_hash=" "), "missing_field", id="a blank id"),
        pytest.param(wild(turn("robot")), "bad_field", id="a role nobody has"),
        pytest.param(wild(turn("user", None)), "missing_field", id="no text"),
        pytest.param(wild(conversation=None), "missing_field", id="no turns"),
        pytest.param(
            wild(turn("user"), timestamp=dt.datetime(2500, 1, 1, tzinfo=dt.UTC)),
            "bad_timestamp",
            id="far off",
        ),
        pytest.param(wild(turn("user", "x" * 2_000)), "oversize_record", id="too long"),
    ],
)
def test_a_bad_row_is_quarantined_and_its_neighbours_are_read(
    tmp_path: Path, row: dict[str, Any], code: str
) -> None:
    """One row must not exclude the others."""
    small = dataclasses.replace(TIMED, limits=Limits(max_record_bytes=1_000))
    good = [wild(turn("user", number=n)) for n in range(3)]
    found = read(tmp_path, [good[0], row, good[1], good[2]], context=small)
    assert found.codes == [code]
    assert len(found.sessions) == 3


def test_naive_times_are_refused(tmp_path: Path) -> None:
    """The first release of the corpus has times without a zone, so the instant is unknown."""
    naive = WILD.set(2, pa.field("timestamp", pa.timestamp("us")))
    row = wild(turn("user"), timestamp=ASKED.replace(tzinfo=None))
    assert read_all([write(tmp_path / "a.parquet", [row], naive)], "wildchat", TIMED).codes == [
        "naive_timestamp"
    ]


def test_text_that_is_not_utf8_costs_its_row_alone(tmp_path: Path) -> None:
    """Some writers put any bytes into a string column."""
    table = pa.Table.from_pylist(
        [{"conversation_id": n, "conversation": [{"content": n, "role": "user"}]} for n in "abc"], LMSYS
    )
    bad = pa.array([b"x", b"\xff", b"y"], pa.binary()).view(pa.string())
    column = pa.ListArray.from_arrays(
        pa.array([0, 1, 2, 3], pa.int32()),
        pa.StructArray.from_arrays([bad, pa.array(["user"] * 3)], names=["content", "role"]),
    )
    pq.write_table(table.set_column(2, LMSYS.field("conversation"), column), tmp_path / "a.parquet")
    found = read_all([tmp_path / "a.parquet"], "lmsys", TIMED)
    assert found.codes == ["invalid_unicode"]
    assert [session.conversation_id for session in found.sessions] == ["a", "c"]


@pytest.mark.parametrize("form", ["wildchat", "lmsys"])
def test_files_of_another_format_have_an_entry(tmp_path: Path, form: str) -> None:
    """Another table, a cut file, text with the name of a Parquet file, and an empty file."""
    other = tmp_path / "other.parquet"
    pq.write_table(pa.table({"x": [1, 2]}), other)
    assert read_all([other], form, TIMED).codes == ["unknown_format"]
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(other.read_bytes()[:-10])
    text = tmp_path / "text.parquet"
    text.write_text("no Parquet at all")
    empty = tmp_path / "empty.parquet"
    empty.touch()
    assert read_all([cut, text, empty], form, TIMED).codes == ["unreadable_file"] * 2


def test_a_damaged_row_group_costs_itself_alone(tmp_path: Path) -> None:
    """The other row groups are read."""
    rows = [wild(turn("user", f"text {n} " * 50, n)) for n in range(6)]
    path = write(tmp_path / "a.parquet", rows)
    group = pq.read_metadata(path).row_group(1)
    places = [group.column(n) for n in range(group.num_columns)]
    start = next(c.data_page_offset for c in places if c.path_in_schema == "conversation_hash")
    data = bytearray(path.read_bytes())
    data[start : start + 12] = b"\xff" * 12
    path.write_bytes(data)
    found = read_all([path], "wildchat", TIMED)
    assert found.codes == ["truncated_input"]
    assert len(found.sessions) == 4


def test_one_conversation_asked_for_is_found(tmp_path: Path) -> None:
    """`explain` asks for one id; row groups without it are not read."""
    rows = [wild(turn("user", number=n), conversation_hash=f"h{n}") for n in range(6)]
    asked = dataclasses.replace(TIMED, only="h3-3")
    found = read(tmp_path, rows, context=asked)
    assert "h3-3" in {session.conversation_id for session in found.sessions}
    assert len(found.sessions) == 2
