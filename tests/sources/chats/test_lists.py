"""ShareGPT and chat fine-tuning files: without ids and times, in many dialects."""

from __future__ import annotations

import dataclasses
import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Block, Defaults, Session
from tests.support.samples import sample
from tests.support.source_files import CONTEXT, Everything, read_all, write_lines
from transforms.sources.peek import peek_of
from transforms.sources.recognize import formats_of

AT = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=AT),))


def read(path: Path, items: list[Any], form: str, whole: bool = False) -> Everything:
    """Everything in a file that has the items as lines, or as one array."""
    text = json.dumps(items) if whole else "".join(json.dumps(item) + "\n" for item in items)
    path.write_text(text)
    return read_all([path], form, TIMED)


def one(path: Path, item: Any, form: str) -> Session:
    found = read(path, [item], form)
    assert found.codes == []
    (session,) = found.sessions
    return session


def shared(*turns: tuple[str, Any], **fields: Any) -> dict[str, Any]:
    return {"conversations": [{"from": speaker, "value": value} for speaker, value in turns]} | fields


def assert_read_word_for_word(path: Path) -> None:
    """Compares the sessions of a ShareGPT array with its JSON, read without the code under test."""
    raw = json.loads(path.read_text())
    found = read_all([path], "sharegpt", TIMED)
    assert found.codes == []
    assert len(found.sessions) == len(raw)
    for session, item in zip(found.sessions, raw, strict=True):
        assert session.conversation_id == item["id"]
        assert [m.content for m in session.messages] == [turn["value"] for turn in item["conversations"]]
        assert [m.role for m in session.messages] == [
            {"human": "user", "gpt": "assistant"}[turn["from"]] for turn in item["conversations"]
        ]
        assert {m.sent_at for m in session.messages} == {AT}


def test_an_array_is_read_word_for_word(tmp_path: Path) -> None:
    """Many records with texts of every script and with white space, which must not be changed."""
    texts = ["hi", " two\nlines\t", "日本語", "\u2028", "😀 ok", '"quoted" \\', "<b>x</b>", "a" * 10_000]
    items = [
        shared(*((("human", "gpt")[n % 2], texts[(n * m) % 8]) for n in range(m % 5 + 1)), id=f"identity_{m}")
        for m in range(300)
    ]
    path = tmp_path / "a.json"
    path.write_text(json.dumps(items, indent=2, ensure_ascii=False))
    assert_read_word_for_word(path)


@pytest.mark.samples
def test_the_public_sample_is_read_word_for_word() -> None:
    """Five hundred recorded conversations, every record in order."""
    assert_read_word_for_word(sample("chat_datasets/sharegpt_fastchat/dummy_conversation.json"))


@pytest.mark.parametrize("form", ["sharegpt", "openai-messages"])
def test_lines_arrays_and_compressed_files_hold_the_same(tmp_path: Path, form: str) -> None:
    """Tools write all of these forms."""
    turns = {"sharegpt": shared(("human", "hi"), ("gpt", "ok"))}
    turns["openai-messages"] = {
        "messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ok"}]
    }
    items = [turns[form] | {"id": f"c{n}"} for n in range(3)]
    found = [read(tmp_path / "a.jsonl", items, form), read(tmp_path / "b.json", items, form, whole=True)]
    (tmp_path / "c.jsonl.gz").write_bytes(gzip.compress((tmp_path / "a.jsonl").read_bytes()))
    found.append(read_all([tmp_path / "c.jsonl.gz"], form, TIMED))
    assert [each.codes for each in found] == [[]] * 3
    assert all(each.sessions == found[0].sessions for each in found)
    assert len(found[0].sessions) == 3


def test_a_session_without_a_time_is_quarantined(tmp_path: Path) -> None:
    """Without a time it is unknown whether the session is new."""
    (tmp_path / "a.jsonl").write_text(json.dumps(shared(("human", "hi"))) + "\n")
    found = read_all([tmp_path / "a.jsonl"], "sharegpt")
    assert (found.sessions, found.codes) == ([], ["missing_field"])


def test_a_copy_is_the_same_conversation(tmp_path: Path) -> None:
    """Without ids, equal contents have equal ids, and other contents have other ids."""
    first, second = shared(("human", "hi")), shared(("human", "ho"))
    ids = [s.conversation_id for s in read(tmp_path / "a.jsonl", [first, second, first], "sharegpt").sessions]
    assert ids[0] == ids[2] != ids[1]


def test_speakers_of_every_dialect_are_known(tmp_path: Path) -> None:
    """An unknown speaker is a fault, not a user."""
    turns = [("system", "s"), ("USER", "u"), ("chatgpt", "a"), ("human", "u2"), ("bing", "a2")]
    session = one(tmp_path / "a.jsonl", shared(*turns, system="be kind", id=7), "sharegpt")
    assert session.conversation_id == "7"
    assert [m.role for m in session.messages] == [
        "system",
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert read(tmp_path / "b.jsonl", [shared(("wizard", "x"))], "sharegpt").codes == ["bad_field"]


def test_calls_and_observations_belong_together(tmp_path: Path) -> None:
    """ShareGPT has calls and results as turns of their own."""
    call = json.dumps({"name": "look", "arguments": {"at": "x"}})
    turns = [("human", "q"), ("function_call", call), ("observation", "seen"), ("gpt", "a")]
    session = one(tmp_path / "a.jsonl", shared(*turns), "sharegpt")
    assert session.messages[1].content == [Block("tool_use", id="1", name="look", input={"at": "x"})]
    assert session.messages[2].content == [Block("tool_result", tool_use_id="1", content="seen")]
    broken = one(tmp_path / "b.jsonl", shared(("function_call", "no json")), "sharegpt")
    assert broken.messages[0].content == [Block("tool_use", id="0", input="no json")]


def test_fine_tuning_messages_of_every_form_are_read(tmp_path: Path) -> None:
    """Parts, calls of both forms, results, refusals, thoughts."""
    messages = [
        {"role": "developer", "content": "be kind"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "CANARY"}},
            ],
        },
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "hm",
            "tool_calls": [
                {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
            ],
        },
        {"role": "tool", "tool_call_id": "t1", "content": "done"},
        {"role": "assistant", "content": None, "function_call": {"name": "g", "arguments": "not json"}},
        {"role": "assistant", "refusal": "I cannot", "weight": 0},
    ]
    session = one(tmp_path / "a.jsonl", {"messages": messages, "tools": [{"CANARY": 1}]}, "openai-messages")
    assert [m.role for m in session.messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
        "assistant",
    ]
    assert [m.content for m in session.messages] == [
        [Block("text", text="be kind")],
        [Block("text", text="look"), Block("image")],
        [Block("thinking", thinking="hm"), Block("tool_use", id="t1", name="f", input={"a": 1})],
        [Block("tool_result", tool_use_id="t1", content="done")],
        [Block("tool_use", name="g", input="not json")],
        [Block("text", text="I cannot")],
    ]
    assert "CANARY" not in repr(session)


@pytest.mark.parametrize(
    ("form", "item", "code"),
    [
        ("sharegpt", 5, "not_an_object"),
        ("sharegpt", {}, "missing_field"),
        ("sharegpt", {"conversations": "x"}, "bad_field"),
        ("sharegpt", {"conversations": [1]}, "bad_field"),
        ("sharegpt", shared(("human", None)), "missing_field"),
        ("sharegpt", shared(("human", 5)), "bad_field"),
        ("sharegpt", shared(("human", "x"), id=[1]), "bad_field"),
        ("sharegpt", shared(("human", "x"), user_id=7), "bad_field"),
        ("sharegpt", shared(("human", "x"), user_id={"id": "bob"}), "bad_field"),
        ("openai-messages", {"messages": [], "user_id": 7}, "bad_field"),
        ("openai-messages", {"messages": [], "user_id": ["bob"]}, "bad_field"),
        ("openai-messages", {"messages": [], "user_id": False}, "bad_field"),
        ("openai-messages", {}, "missing_field"),
        ("openai-messages", {"messages": [{"content": "x"}]}, "missing_field"),
        ("openai-messages", {"messages": [{"role": "wizard", "content": "x"}]}, "bad_field"),
        ("openai-messages", {"messages": [{"role": "user", "content": 5}]}, "bad_field"),
        ("openai-messages", {"messages": [{"role": "user", "content": [5]}]}, "bad_field"),
        ("openai-messages", {"messages": [{"role": "assistant", "tool_calls": [1]}]}, "bad_field"),
    ],
)
def test_an_invalid_record_does_not_affect_others(tmp_path: Path, form: str, item: Any, code: str) -> None:
    """It is quarantined with its code, and the records around it are read."""
    good = {"sharegpt": shared(("human", "hi"))}
    good["openai-messages"] = {"messages": [{"role": "user", "content": "hi"}]}
    items = [good[form] | {"id": "before"}, item, good[form] | {"id": "after"}]
    for whole in (False, True):
        found = read(tmp_path / "x.json", items, form, whole)
        assert [s.conversation_id for s in found.sessions] == ["before", "after"]
        where = "item 1" if whole else f"byte {(tmp_path / 'x.json').read_bytes().index(b'\n') + 1}"
        assert (found.codes, [entry.locator for entry in found.quarantined]) == ([code], [where])


@pytest.mark.parametrize(("user", "owner"), [(None, "ada"), ("", "ada"), ("bob", "bob")])
def test_a_default_user_is_of_records_without_a_user(tmp_path: Path, user: str | None, owner: str) -> None:
    """The consent of the default user must not cover a record that names somebody else."""
    context = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=AT, user_id="ada"),))
    for form, item in (("sharegpt", shared(("human", "x"))), ("openai-messages", {"messages": []})):
        for more in ({}, {"weight": 1}):  # read by column, and by itself
            write_lines(tmp_path / "x.jsonl", [item | {"id": "a", "user_id": user} | more])
            found = read_all([tmp_path / "x.jsonl"], form, context)
            assert ([s.user_id for s in found.sessions], found.codes) == ([owner], [])


def test_broken_lines_and_truncated_files_lose_no_other_record(tmp_path: Path) -> None:
    """Invalid JSON is one entry. A truncation is one entry after all records before it."""
    good = json.dumps(shared(("human", "hi")) | {"id": "a"})
    (tmp_path / "a.jsonl").write_bytes(good.encode() + b"\n{nope\n\xff\n" + good.encode() + b"\n")
    found = read_all([tmp_path / "a.jsonl"], "sharegpt", TIMED)
    assert (len(found.sessions), found.codes) == (2, ["invalid_unicode", "malformed_json"])
    (tmp_path / "b.json").write_text(f"[{good}, {good}, {good[:20]}")
    found = read_all([tmp_path / "b.json"], "sharegpt", TIMED)
    assert (len(found.sessions), found.codes) == (2, ["truncated_input"])
    packed = gzip.compress("".join(good + "\n" for _ in range(3000)).encode())
    (tmp_path / "c.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    assert read_all([tmp_path / "c.jsonl.gz"], "sharegpt", TIMED).codes == ["truncated_input"]
    (tmp_path / "d.jsonl").write_text("")
    assert read_all([tmp_path / "d.jsonl"], "sharegpt", TIMED).codes == []


def test_sharegpt_with_roles_and_contents_is_read(tmp_path: Path) -> None:
    """Many lists keep the name `conversations`, and have turns as chat APIs have them; both may be mixed."""
    turns = [
        {"role": "system", "content": "s"},
        {"from": "human", "value": "a"},
        {"role": "assistant", "content": None, "tool_calls": [{"id": "t", "function": {"name": "ls"}}]},
        {"role": "tool", "tool_call_id": "t", "content": "files"},
        {"role": "Assistant", "content": [{"type": "text", "text": "b"}]},
    ]
    path = write_lines(tmp_path / "x.jsonl", [{"id": "c", "conversations": turns[:1] + turns[2:]}])
    assert formats_of(peek_of(str(path))) == ["sharegpt"]
    write_lines(path, [{"id": "c", "conversations": turns}, {"id": "d", "conversations": [{"role": "user"}]}])
    found = read_all([path], "sharegpt", TIMED)
    assert [m.role for m in found.sessions[0].messages] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert found.sessions[1].messages[0].content == []


def test_names_of_other_dialects_lose_no_words(tmp_path: Path) -> None:
    """Lists are written by many tools. Names of roles, and of the field with the text, are mixed."""
    talk = [[("user", "q"), ("assistant", "a")]] * 4
    items: list[Any] = [
        {"conversations": [{"role": "user", "value": "q"}, {"role": "assistant", "value": "a"}], "id": "1"},
        {"conversations": [{"from": "user", "content": "q"}, {"from": "ai", "content": "a"}], "id": "2"},
        {"conversations": [{"role": "human", "content": "q"}, {"role": "model", "content": "a"}], "id": "3"},
    ]
    found = read(tmp_path / "a.jsonl", items, "sharegpt")
    chat = {"id": "4", "messages": [{"role": "human", "content": "q"}, {"role": "ai", "content": "a"}]}
    sessions = [*found.sessions, one(tmp_path / "b.jsonl", chat, "openai-messages")]
    assert found.codes == []
    assert [[(m.role, words(m.content)) for m in session.messages] for session in sessions] == talk


def words(content: str | list[Block] | None) -> str:
    return content if isinstance(content, str) else "".join(block.text or "" for block in content or ())


def test_tools_in_the_form_of_another_api_keep_their_content(tmp_path: Path) -> None:
    """A result of a tool in a user's turn is no message of a person."""
    result = {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": "files"}]}
    session = one(
        tmp_path / "a.jsonl",
        {
            "messages": [
                {"role": "user", "content": "q"},
                {
                    "role": "assistant",
                    "content": [{"type": "tool_use", "id": "t", "name": "ls", "input": {"a": 1}}],
                },
                {"role": "user", "content": [result]},
                {"role": "user", "content": [result, {"type": "text", "text": "and more"}]},
            ]
        },
        "openai-messages",
    )
    assert [message.role for message in session.messages] == ["user", "assistant", "tool", "user"]
    (called,), (given,), (_, more) = (message.content for message in session.messages[1:])
    assert called == Block("tool_use", id="t", name="ls", input={"a": 1})
    assert given == Block("tool_result", tool_use_id="t", content="files")
    assert more == Block("text", text="and more")


def test_message_ids_are_those_of_the_turns_up_to_the_message(tmp_path: Path) -> None:
    """Records that repeat a history are found by them, whichever way a record is read.

    White space at the ends and thoughts are ignored; anything else counts, roles and order too.
    """
    turns = [("user", "q"), ("assistant", "a"), ("user", "r")]

    def ids(*changed: tuple[str, Any], **more: Any) -> list[str]:
        records = [{"messages": [{"role": role, "content": text} for role, text in changed]} | more]
        records[0]["messages"][0] |= more
        session = one(tmp_path / "a.jsonl", records[0], "openai-messages")
        assert [m.parent_id for m in session.messages] == [
            None,
            *(m.message_id for m in session.messages[:-1]),
        ]
        return [message.message_id for message in session.messages]

    whole = ids(*turns)
    assert len({*whole}) == 3
    assert ids(*turns[:2]) == whole[:2]
    assert ids(("user", " q\n"), *turns[1:]) == whole
    assert ids(*turns, reasoning_content="hm") == whole
    assert ids(("user", [{"type": "text", "text": "q"}]), *turns[1:]) == whole
    for other in (("user", "Q"), ("system", "q"), ("user", [{"type": "image_url"}])):
        assert not {*ids(other, *turns[1:])} & {*whole}
