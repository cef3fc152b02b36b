"""VCR cassettes as request logs of the Messages API."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.commands.inspect import inspect
from schemas.records import Defaults, Limits
from tests.support.source_files import CONTEXT, Everything, read_all

AT = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
TIMED = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=AT),))
ASKED = {"model": "m", "messages": [{"role": "user", "content": "hé"}]}
ANSWER = {"type": "message", "role": "assistant", "content": [{"type": "text", "text": "hello"}]}
EVENTS = (
    ("message_start", {"message": {**ANSWER, "content": []}}),
    ("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}}),
    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "hel"}}),
    ("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": "lo"}}),
    ("message_stop", {}),
)
STREAM = "".join(
    f"event: {name}\ndata: {json.dumps({'type': name, **fields})}\n\n" for name, fields in EVENTS
)


def interaction(answer: str, **more: Any) -> dict[str, Any]:
    request = {"uri": "https://x/v1/messages", "method": "POST", "headers": {"k": ["canary"]}}
    return {
        "request": request | {"body": json.dumps(ASKED)},
        "response": {"status": {"code": 200}, "headers": {}, "body": {"string": answer}},
        **more,
    }


def read(path: Path, document: Any, limits: Limits | None = None) -> Everything:
    text = json.dumps(document) if path.suffix == ".json" else yaml.safe_dump(document, allow_unicode=True)
    path.write_text(text)
    return read_all(
        [path], "anthropic-messages", dataclasses.replace(TIMED, limits=limits) if limits else TIMED
    )


@pytest.mark.parametrize("name", ["a.json", "a.yaml", "a.yml"])
@pytest.mark.parametrize("answer", [json.dumps(ANSWER), STREAM], ids=["whole", "streamed"])
def test_a_cassette_holds_the_calls_that_were_recorded(tmp_path: Path, name: str, answer: str) -> None:
    """Python writes YAML or JSON; bodies are JSON text or the text of events."""
    found = read(tmp_path / name, {"interactions": [interaction(answer)], "version": 1})
    assert found.codes == []
    (session,) = found.sessions
    block_texts = [
        block.text for m in session.messages for block in m.content or () if not isinstance(block, str)
    ]
    assert block_texts == ["hé", "hello"]
    assert [message.origin for message in session.messages] == [None, "model"]
    (format_,) = inspect(str(tmp_path))["formats"]
    assert (format_["format"], format_["accounts"]["records"]) == ("anthropic-messages", {"used": 1})


def test_the_time_of_a_recording_may_have_the_format_of_mail(tmp_path: Path) -> None:
    """Ruby writes it in the format of e-mail; an invalid one is a fault of that recording only."""
    times = ("Mon, 05 Jan 2026 10:00:00 GMT", "Mon, 99 Jan 2026", "2026-01-05T11:00:00Z")
    recordings = [interaction(json.dumps(ANSWER), recorded_at=time) for time in times]
    for recording, asked in zip(recordings, "abc", strict=True):
        recording["request"]["body"] = {
            "string": json.dumps({"messages": [{"role": "user", "content": asked}]})
        }
    found = read(tmp_path / "a.yml", {"http_interactions": recordings, "recorded_with": "VCR 6"})
    assert sorted(session.created_at.hour for session in found.sessions) == [10, 11]
    assert found.codes == ["bad_timestamp"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"a: &x [1]\nb: *x\n", "unknown_format"),
        (b"interactions: &x [a, *x]\n", "unknown_format"),
        (b"interactions: [" * 20_000, "unknown_format"),
        (b"interactions: !!python/object/apply:os.system [ls]\n", "not_an_object"),
        (b"a: 1\n", "unknown_format"),
        (b"- a\n", "unknown_format"),
        (b"a: b: c\n", "unknown_format"),
        (b"\xff", "invalid_unicode"),
        (b"interactions: []\n" + b"#" * 2000, "oversize_record"),
        (b"interactions: [1]\n", "not_an_object"),
    ],
)
def test_yaml_that_is_no_cassette_is_one_entry(tmp_path: Path, text: bytes, code: str) -> None:
    """YAML can expand to more memory than its size, and can create Python objects."""
    path = tmp_path / "a.yaml"
    path.write_bytes(text)
    limits = dataclasses.replace(TIMED, limits=Limits(1000 if code == "oversize_record" else 1 << 20))
    found = read_all([path], "anthropic-messages", limits)
    assert (found.sessions, found.codes) == ([], [code])
