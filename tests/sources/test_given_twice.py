"""A field that one object gives twice is ambiguous, in every format: what it decides is excluded."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sources.test_ways import TIMED
from tests.support.given_twice import SPELLINGS, Step, given_twice, value_at
from tests.support.given_twice_cases import CASES, PARTS, RECORDS, UNREAD, Case
from tests.support.source_files import Everything, read_all
from transforms.sources.json.once import Fields, decoded_once, keeps_all_fields


def read(tmp_path: Path, form: str, texts: Sequence[str]) -> Everything:
    """What is read from a file of these records."""
    name = "otel-genai" if form == "openinference" else form
    if form.endswith("-export"):
        path = tmp_path / "conversations.json"
        path.write_text(f"[{','.join(texts)}]")
    else:
        path = tmp_path / "log.jsonl"
        path.write_text("".join(f"{text}\n" for text in texts))
    return read_all([path], name, TIMED)


def doubled(
    form: str,
    path: tuple[Step, ...],
    spelling: str,
    other: Any = None,
    *,
    first: bool = True,
    same: bool = True,
) -> list[str]:
    """The texts of a record, a field of which is given twice, with the same or another value."""
    record = RECORDS[form]
    value = value_at(record, path) if same else other
    if form != "claude-code":
        return [given_twice(record, path, spelling, value, first=first)]
    place = int(path[0])
    lines = [json.dumps(line) for line in record]
    lines[place] = given_twice(record[place], path[1:], spelling, value, first=first)
    return lines


def faults(found: Everything) -> list[tuple[str, str | None, str | None]]:
    return [(entry.code, entry.field, entry.kind) for entry in found.quarantined]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.form} {'.'.join(map(str, case.path))}")
def test_a_field_given_twice_costs_its_record_and_is_named(tmp_path: Path, case: Case) -> None:
    """The decoder keeps the last value: it may be the one that lets a session in."""
    for spelling, same, first in itertools.product(SPELLINGS, (True, False), (True, False)):
        other = {"other": "x"} if isinstance(value_at(RECORDS[case.form], case.path), dict) else "other"
        if not same and not first and case.path[-1] in ("uuid", "current_leaf_message_uuid"):
            other = "m3"
        found = read(
            tmp_path, case.form, doubled(case.form, case.path, spelling, other, first=first, same=same)
        )
        assert faults(found) == [("bad_field", case.field, "repeated")], (spelling, same, first)
        assert len(found.sessions) == case.kept
        if case.kept:
            texts = [block.text for m in found.sessions[0].messages for block in m.content or ()]
            lost = (
                "paste" if "attachments" in case.path else "More" if case.form == "claude-code" else "Say: 2"
            )
            assert lost not in texts
            assert len(texts) > 1


@pytest.mark.parametrize(("form", "path"), UNREAD)
def test_a_field_that_decides_nothing_may_be_given_twice(
    tmp_path: Path, form: str, path: tuple[Step, ...]
) -> None:
    """Tool inputs and settings repeat names; what is read without a doubt is not lost for them."""
    lines = (
        [json.dumps(line) for line in RECORDS[form]] if form == "claude-code" else [json.dumps(RECORDS[form])]
    )
    plain = read(tmp_path, form, lines)
    assert plain.sessions
    assert not plain.quarantined
    for spelling in SPELLINGS:
        found = read(tmp_path, form, doubled(form, path, spelling))
        assert not found.quarantined
        assert found.sessions == plain.sessions


@pytest.mark.parametrize("form", sorted(RECORDS))
def test_names_in_texts_and_neighbours_repeat_nothing(tmp_path: Path, form: str) -> None:
    """JSON in a text is text; a neighbour's doubtful record changes no other."""
    said = '{"role": 1, "role": 2, "id@": ":'
    for _ in range(1 + (form == "otel-genai")):  # its messages are JSON in a text
        said = json.dumps(said)[1:-1]
    records = RECORDS[form] if form == "claude-code" else [RECORDS[form]]
    for escape in ("\\u003a", "\\u003A", ":"):
        lines = [json.dumps(record).replace("Hi: you", said).replace("Say: ", said) for record in records]
        found = read(tmp_path, form, [line.replace("@", escape) for line in lines])
        assert '"id:": ":' in str(found.sessions[0].messages).replace("\\'", "'")
        assert not found.quarantined


def fault_of(tmp_path: Path, form: str, text: str) -> Any:
    """What is read of one record, and its faults."""
    found = read(tmp_path, form, [text])
    return len(found.sessions), faults(found)


def test_a_body_in_text_and_a_stream_are_read_like_objects(tmp_path: Path) -> None:
    """Recorders store bodies as text: a role given twice inside must not pass for that."""
    call = RECORDS["anthropic-messages"]
    for path, field in [
        (("messages", 0, "role"), "request.messages[].role"), (("messages",), "request.messages"),
    ]:  # fmt: skip
        body = given_twice(call["request"], path, "escaped first", "user", first=True)
        found = fault_of(tmp_path, "anthropic-messages", json.dumps({**call, "request": {"body": body}}))
        assert found == (0, [("bad_field", field, "repeated")])
    start = {"type": "message_start", "message": {"role": "assistant", "content": []}}
    block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Yes"}}
    events = [json.dumps(start), json.dumps(block)]
    twice = [
        ([given_twice(start, ("message", "role"), "plain", "user", first=True), events[1]],
         "response.message.role"),
        ([events[0], given_twice(block, ("content_block", "text"), "plain", "No", first=False)],
         "response.content_block.text"),
        ([events[0], given_twice(block, ("type",), "plain", "ping", first=False)], "response.type"),
    ]  # fmt: skip
    for lines, field in [*twice, (events, None)]:
        stream = "".join(f"data: {line}\n\n" for line in lines)
        found = fault_of(tmp_path, "anthropic-messages", json.dumps({**call, "response": stream}))
        assert found == ((0, [("bad_field", field, "repeated")]) if field else (1, []))


def test_the_user_in_a_text_of_metadata_is_given_once(tmp_path: Path) -> None:
    """Claude Code sends account and device as JSON text: two accounts are no subject."""
    call = RECORDS["anthropic-messages"]
    for text, field in [
        ('{"account_uuid": "u1", "account_uuid": "u2"}', "request.metadata.user_id.account_uuid"),
        ('{"account_uuid": "u1", "x": 1, "x": 2}', None),
    ]:
        request = {**call["request"], "metadata": {"user_id": text}}
        found = fault_of(tmp_path, "anthropic-messages", json.dumps({**call, "request": request}))
        assert found == ((0, [("bad_field", field, "repeated")]) if field else (1, []))


def otlp(*attributes: str) -> str:
    """An OTLP export of one span with messages and these attributes."""
    messages = json.dumps({"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps(PARTS)}})
    listed = ", ".join([messages, *attributes])
    span = f'{{"startTimeUnixNano": "1767600000000000000", "attributes": [{listed}]}}'
    return f'{{"resourceSpans": [{{"scopeSpans": [{{"spans": [{span}]}}]}}]}}'


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        (('{"key": "user.id", "value": {"stringValue": "a"}}',), None),
        (('{"key": "user.id", "value": {"stringValue": "a"}}',) * 2, "user.id"),
        (('{"key": "x", "value": {"stringValue": "a"}}',) * 2, None),
        (('{"key": "user.id", "value": {"stringValue": "a", "stringValue": "b"}}',), "user.id"),
        (('{"key": "x", "value": {"stringValue": "a", "stringValue": "b"}}',), None),
        (('{"key": "x", "key": "user.id", "value": {"stringValue": "a"}}',),
         "resourceSpans[].scopeSpans[].spans[].attributes[].key"),
    ],
)  # fmt: skip
def test_an_attribute_of_a_list_is_given_once(
    tmp_path: Path, attributes: tuple[str, ...], field: str | None
) -> None:
    """OTLP lists keys and values: two of one name are no less ambiguous than two fields."""
    expected = (0, [("bad_field", field, "repeated")]) if field else (1, [])
    assert fault_of(tmp_path, "otel-genai", otlp(*attributes)) == expected


def test_messages_in_text_and_numbered_attributes_are_given_once(tmp_path: Path) -> None:
    """The roles of a span are in JSON text, or in attributes whose numbers can be spelled in two ways."""
    span = RECORDS["otel-genai"]
    for path, field in [
        ((0, "role"), "gen_ai.input.messages[].role"),
        ((0, "parts"), "gen_ai.input.messages[].parts"),
        ((0, "parts", 0, "content"), "gen_ai.input.messages[].parts[].content"),
    ]:
        for spelling in SPELLINGS:
            text = given_twice(PARTS, path, spelling, "system", first=True)
            whole = {**span, "attributes": {**span["attributes"], "gen_ai.input.messages": text}}
            found = fault_of(tmp_path, "otel-genai", json.dumps(whole))
            assert found == (0, [("bad_field", field, "repeated")])
    numbered = RECORDS["openinference"]
    for name in ("llm.input_messages.00.message.role", "llm.input_messages.0.role"):
        whole = {**numbered, "attributes": {**numbered["attributes"], name: "system"}}
        found = fault_of(tmp_path, "openinference", json.dumps(whole))
        assert found == (0, [("bad_field", "llm.input_messages[].role", "repeated")])


def test_a_cassette_in_yaml_gives_its_fields_once(tmp_path: Path) -> None:
    """YAML readers keep the last of two keys too."""
    call = """
interactions:
- recorded_at: 2026-01-05T10:00:00Z
  request: {method: POST, method: GET, body: %s}
  response: {body: {string: '{"role": "assistant", "content": [{"type": "text", "text": "Yes"}]}'}}
"""
    once = "{messages: [{role: user, content: Hi}]}"
    path = tmp_path / "cassette.yaml"
    for body, field in [
        (once, None),
        ("{messages: [{role: user, role: assistant, content: Hi}]}",
         "interactions[].request.body.messages[].role"),
        (f"{once}, body: {once}", "interactions[].request.body"),
    ]:  # fmt: skip
        path.write_text(call % body)
        found = read_all([path], "anthropic-messages", TIMED)
        assert faults(found) == ([("bad_field", field, "repeated")] if field else [])
        assert len(found.sessions) == (field is None)


@given(st.data())
def test_the_decoder_reports_each_name_that_an_object_gives_twice(data: st.DataObject) -> None:
    """Compared with a plain reader: each pair of equal decoded names, and nothing else, is found."""
    names = st.sampled_from(["a", "b", "a:b", "\u00e9", 'q"', "\\"])
    values = st.recursive(
        st.sampled_from([None, 1, ":", 'x":', "\\u003a"]),
        lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(names, inner), max_size=4).map(tuple),
        max_leaves=8,
    )
    made = data.draw(st.lists(st.tuples(names, values), max_size=4).map(tuple))
    escapes, blanks = data.draw(st.booleans()), data.draw(st.sampled_from(["", " ", "\t\n"]))

    def written(value: Any) -> str:
        if isinstance(value, tuple):
            fields = [f"{name_of(name)}{blanks}:{blanks}{written(inner)}" for name, inner in value]
            return "{" + ",".join(fields) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(written, value)) + "]"
        return json.dumps(value)

    def name_of(name: str) -> str:
        return '"' + "".join(f"\\u{ord(c):04x}" for c in name) + '"' if escapes else json.dumps(name)

    def repeats(value: Any) -> bool:
        if isinstance(value, tuple):
            return len(dict(value)) < len(value) or any(repeats(inner) for _, inner in value)
        return isinstance(value, list) and any(map(repeats, value))

    def found(value: Any) -> bool:
        if isinstance(value, dict):
            return bool(isinstance(value, Fields) and value.repeated) or any(map(found, value.values()))
        return isinstance(value, list) and any(map(found, value))

    text = written(made)
    assert found(decoded_once(text)) == repeats(made)
    assert not (repeats(made) and keeps_all_fields(text.encode(), json.loads(text)))
