"""Proposals for own schemas: what is found, what is left open, and what is never shown."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.commands.suggest import suggest
from schemas.errors import ConfigError
from schemas.mapped.fields import FieldsConfig
from schemas.mapped.placeholders import PLACEHOLDER
from schemas.records import Defaults, Limits, Session
from schemas.sections.inputs import InputConfig, reader_of
from schemas.strict_yaml import load_model
from tests.support.foreign_schemas import FOREIGN
from tests.support.own_schemas import PRIVATE, SCHEMAS
from tests.support.source_files import HASHER, read_all, write_lines
from transforms.sources.base import ReadContext

_LETTERS = {"user": "u", "assistant": "a", "system": "s", "tool": "t"}
_ALL = SCHEMAS | FOREIGN


def answered(proposed: str, answers: tuple[str, ...]) -> str:
    """The proposal with answers for its placeholders; two speakers take one line each."""
    text = re.sub(
        rf"( +){PLACEHOLDER}: user (.*)", rf"\1{PLACEHOLDER}: user\n\1{PLACEHOLDER}: assistant", proposed
    )
    body = text.split("inputs:", 1)[1]
    assert body.count(PLACEHOLDER) == len(answers)
    for answer in answers:
        body = body.replace(PLACEHOLDER, answer, 1)
    return f"inputs:{body}"


def read(path: Path, section: str) -> list[Session]:
    """The sessions of a file by the one entry of an `inputs` section; none of its records is unreadable."""
    (entry,) = yaml.safe_load(section)["inputs"]
    assert entry["format"] == "mapped"
    config = InputConfig.model_validate(entry)
    assert config.fields is not None
    context = ReadContext(
        HASHER, Limits(), (Defaults(**config.defaults.model_dump()),), fields=(config.fields,)
    )
    found = read_all([path], config.reader, context)
    assert found.codes == []
    return found.sessions


@pytest.mark.parametrize("name", _ALL)
def test_a_proposal_with_its_answers_reads_every_message(tmp_path: Path, name: str) -> None:
    """A newcomer pastes the proposal, answers what only they know, and has the sessions."""
    schema = _ALL[name]
    path = write_lines(tmp_path / "log.jsonl", schema.records)
    made = suggest(str(path))
    assert made.without == {}
    sessions = read(path, answered(made.yaml, schema.answers))
    assert len(sessions) == schema.sessions
    first = sessions[0]
    assert "".join(_LETTERS[message.role] for message in first.messages) == schema.roles
    assert (first.user_id, first.tier, first.surface) != (None, None, None)
    assert first.user_id
    assert first.tier in ("free", "pro", "team")
    assert first.surface == "chat"
    assert len({session.conversation_id for session in sessions}) == schema.sessions


@pytest.mark.parametrize("name", _ALL)
def test_a_proposal_shows_no_value_of_the_data(tmp_path: Path, name: str) -> None:
    """Terminals are shared and logged: names, ids and texts must not be in them."""
    path = write_lines(tmp_path / "log.jsonl", _ALL[name].records)
    shown = suggest(str(path)).yaml.replace(str(path), "")
    assert [word for word in PRIVATE if word in shown] == []


@pytest.mark.parametrize("name", ["german", "rows", "dialog"])
def test_an_unanswered_proposal_is_refused_with_the_key(tmp_path: Path, name: str) -> None:
    """A placeholder that reaches a run as a value would map everything to nothing."""
    path = write_lines(tmp_path / "log.jsonl", SCHEMAS[name].records)
    config = tmp_path / "run.yaml"
    config.write_text(suggest(str(path)).yaml)
    with pytest.raises(ConfigError, match=rf"run\.yaml:\d+: \S+: {PLACEHOLDER} is a placeholder"):
        load_model(config, InputConfig)


def test_an_array_and_parquet_give_the_same_proposal_as_lines(tmp_path: Path) -> None:
    """One schema comes in several kinds of files."""
    records = SCHEMAS["camel case"].records
    lines = write_lines(tmp_path / "log.jsonl", records)
    array = tmp_path / "log.json"
    array.write_text(json.dumps(records))
    table = tmp_path / "log.parquet"
    pq.write_table(pa.Table.from_pylist(records), table)
    made = [suggest(str(path)).yaml.replace(str(path), "LOG") for path in (lines, array, table)]
    assert made[0] == made[1] == made[2]


def test_names_that_are_data_are_not_proposed(tmp_path: Path) -> None:
    """An object by user name has personal data as keys."""
    records = [
        {"chat_id": f"c{n}", "user_id": f"u{n}", "messages": [{"role": "user", "text": "How are you today?"}],
         "scores": {f"person{n}": 1}}
        for n in range(40)
    ]  # fmt: skip
    shown = suggest(str(write_lines(tmp_path / "log.jsonl", records))).yaml
    assert "person" not in shown
    assert "content: messages[].text" in shown


def test_a_known_format_is_proposed_by_its_name_and_nothing_for_files_without_messages(
    tmp_path: Path,
) -> None:
    """The section must hold all files that a run can read, and name those that it cannot."""
    turns = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]
    write_lines(tmp_path / "a.jsonl", [{"conversations": turns}])
    (tmp_path / "b.csv").write_text("session,text\n1,hi\n")
    made = suggest(str(tmp_path))
    assert "format: sharegpt" in made.yaml
    assert made.without == {".csv": 1}


def test_lists_of_turns_with_owner_and_time_are_read_as_an_own_schema(tmp_path: Path) -> None:
    """The formats of fine-tuning files have neither, so a log in their form would lose both."""
    turns = [
        {"role": "user", "content": "Why is the sky blue, please?"},
        {"role": "assistant", "content": "Air."},
    ]
    records = [
        {"id": f"c{n}", "customerId": f"u{n}", "createdAt": "2025-11-01T10:00:00Z", "messages": turns}
        for n in range(3)
    ]
    made = suggest(str(write_lines(tmp_path / "a.jsonl", records)))
    (entry,) = yaml.safe_load(made.yaml)["inputs"]
    assert entry["format"] == "mapped"
    fields = {name: value for name, value in entry["fields"].items() if name != "messages"}
    assert fields == {"conversation_id": "id", "user_id": "customerId", "created_at": "createdAt"}
    assert reader_of(FieldsConfig.model_validate(entry["fields"])) == "mapped"


def test_a_text_beside_the_messages_with_the_name_of_an_answer_is_proposed_as_one(tmp_path: Path) -> None:
    """Many gateways log the history as a list and the answer as a text."""
    turn = {"role": "user", "content": "Why is the sky blue, please?"}
    records = [
        {"user_id": f"u{n}", "ts": 1_762_000_000 + n, "messages": [turn], "response": f"Light scatters, {n}."}
        for n in range(3)
    ]
    (entry,) = yaml.safe_load(suggest(str(write_lines(tmp_path / "a.jsonl", records))).yaml)["inputs"]
    assert entry["fields"]["messages"] == [
        {"role": "messages[].role", "content": "messages[].content"},
        {"role": "assistant", "content": "response"},
    ]


def test_messages_without_words_for_roles_leave_the_role_open(tmp_path: Path) -> None:
    """Help desks name authors by id; the other fields are found all the same."""
    comments = [
        {"author_id": author, "plain_body": "Some text of a comment.", "created_at": "2025-11-24T22:55:29Z"}
        for author in (7, 8)
    ]
    records = [{"id": n, "requester_id": 7, "comments": comments} for n in range(3)]
    (entry,) = yaml.safe_load(suggest(str(write_lines(tmp_path / "a.jsonl", records))).yaml)["inputs"]
    fields = entry["fields"]
    assert (fields["conversation_id"], fields["user_id"]) == ("id", "requester_id")
    assert fields["messages"] == {
        "role": PLACEHOLDER,
        "content": "comments[].plain_body",
        "sent_at": "comments[].created_at",
    }


def test_a_file_of_answers_only_is_noted(tmp_path: Path) -> None:
    """The output of a batch interface has no prompts: its sessions would have no message of a user."""
    records = [
        {"custom_id": f"r{n}", "response": {"body": {"created": 1_764_000_000 + n, "choices": [
            {"message": {"role": "assistant", "content": f"Answer {n}."}}
        ]}}}
        for n in range(3)
    ]  # fmt: skip
    made = suggest(str(write_lines(tmp_path / "a.jsonl", records))).yaml
    assert "# no message is of a user: join the file that has the prompts first" in made


def test_an_id_that_all_records_share_is_not_the_conversation(tmp_path: Path) -> None:
    """In traces, session_id may be the project."""
    turns = [{"role": "user", "content": "Hello there."}, {"role": "assistant", "content": "Hello to you."}]
    records = [
        {"session_id": "p", "meta": {"thread_id": f"t{n}", "tier": "pro"}, "messages": turns}
        for n in range(3)
    ]
    assert "conversation_id: meta.thread_id" in suggest(str(write_lines(tmp_path / "a.jsonl", records))).yaml


def _turn(number: int) -> dict[str, Any]:
    author = ("member", "assistant")[number % 2]
    return {"author": author, "body": f"Text of message {number}.", "ts": _AT + dt.timedelta(seconds=number)}


_AT = dt.datetime(2025, 11, 24, 9)
_NAIVE = pa.timestamp("us")
_TURN = pa.struct([("author", pa.string()), ("body", pa.string()), ("ts", pa.timestamp("us", "UTC"))])
_NESTED = pa.table(
    {
        "thread_id": pa.array([501, 502], pa.int64()),
        "member_id": ["m1", "m2"],
        "plan": pa.array(["plus", "plus"]).dictionary_encode(),
        "messages": pa.array([[_turn(0), _turn(1)], [_turn(2), _turn(3)]], pa.list_(_TURN)),
    }
)
_FLAT = pa.table(
    {
        "session_id": ["501", "502", "501", "502"],
        "account": ["m1", "m2", "m1", "m2"],
        "plan": ["plus"] * 4,
        "sender": ["user", "user", "assistant", "assistant"],
        "text": [f"Text of message {number}." for number in (0, 2, 1, 3)],
        "created_at": pa.array([_AT + dt.timedelta(seconds=number) for number in range(4)], _NAIVE),
    }
)


@pytest.mark.parametrize(
    ("table", "answers"),
    [(_NESTED, ("chat", "pro")), (_FLAT, ("chat", "pro", "UTC"))],
    ids=["nested", "flat"],
)
def test_typed_tables_of_sessions_and_of_messages_are_read_alike(
    tmp_path: Path, table: pa.Table, answers: tuple[str, ...]
) -> None:
    """Warehouses export both: a list of structs a session, and a row a message with times without a zone."""
    path = tmp_path / "export.parquet"
    pq.write_table(table, path)
    sessions = read(path, answered(suggest(str(path)).yaml, answers))
    seen = [
        (one.conversation_id, one.user_id, one.tier, [each.role for each in one.messages]) for one in sessions
    ]
    turns = ["user", "assistant"]
    assert seen == [("501", "m1", "pro", turns), ("502", "m2", "pro", turns)]
