"""Lines that are no JSON object, in the formats that are read as JSON items: none costs another line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from schemas.records import Defaults
from tests.support.samples import sample_files
from tests.support.source_files import CONTEXT, Everything, read_all, utc, write_lines

AT = "2026-01-01T10:00:00Z"
GOOD: dict[str, dict[str, Any]] = {
    "anthropic-messages": {"timestamp": AT, "request": {"messages": [{"role": "user", "content": "hi"}]}},
    "otel-genai": {
        "attributes": {"gen_ai.input.messages": [{"role": "user", "parts": []}]},
        "start_time": AT,
    },
    "openai-messages": {"messages": [{"role": "user", "content": "hi"}]},
    "sharegpt": {"conversations": [{"from": "human", "value": "hi"}]},
}
#: Lines that are no JSON object: cut, wrongly quoted, with wrong numbers, escapes, commas or bytes.
NOT_AN_OBJECT = [
    *(b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,', b'{"a":1,}', b'{"a" 1}', b'{"a":1 "b":2}', b'{,"a":1}'),
    *(
        b"[",
        b"[1",
        b"[1,]",
        b"[,1]",
        b"[1 2]",
        b"[]]",
        b"{}}",
        b"{} {}",
        b"]",
        b"}",
        b'[{"a":1}',
        b"[" * 5_000,
    ),
    *(b"{'a':1}", b"{a:1}", b"{\"a\":'b'}", b'"', b'"a', b"'a'", b'{"a":"b}', b'{"a":"\t"}', b'{"a":"\x00"}'),
    *(
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":1e}',
        b'{"a":0x1}',
        b'{"a":--1}',
        b'{"a":-}',
    ),
    *(b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b'{"a":nul}', b'{"a":True}', b'{"a":undefined}'),
    *(
        b'{"a":"\\x"}',
        b'{"a":"\\u12"}',
        b'{"a":"\\ud83d"}',
        b'{"a":"\\"}',
        b'{"a":1}//',
        b'{"a":1}/**/',
        b"#",
    ),
    *(
        b"\xff",
        b'{"a":"\xff"}',
        b'{"a":"\xc3\x28"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"\xe9":1}',
        b"\x00",
        b"\x00{}",
    ),
    *(b"1", b"null", b"true", b'"text"', b"[]", b"[{}]"),
]


def entries_between_good_lines(path: Path, form: str, bad: list[bytes]) -> Everything:
    timed = dataclasses.replace(CONTEXT, defaults=(Defaults(created_at=utc(AT)),))
    return read_all([write_lines(path / "log.jsonl", [GOOD[form], *bad, GOOD[form]])], form, timed)


@pytest.mark.parametrize("form", GOOD)
def test_lines_that_are_no_object_are_quarantined_between_good_lines(tmp_path: Path, form: str) -> None:
    """Each bad line has one entry, and the good lines before and after it are read."""
    found = entries_between_good_lines(tmp_path, form, NOT_AN_OBJECT)
    assert len(found.sessions) == 2
    assert len(found.quarantined) == len(NOT_AN_OBJECT)
    assert set(found.codes) == {"malformed_json", "invalid_unicode", "not_an_object"}


@pytest.mark.samples
@pytest.mark.parametrize("form", GOOD)
def test_invalid_files_of_the_json_suite_are_quarantined_between_good_lines(
    tmp_path: Path, form: str
) -> None:
    """Every `n_` file of JSONTestSuite as a line of its own; the good lines around them are read."""
    suite = sample_files("bad_input/JSONTestSuite/test_parsing/n_*.json")
    bad = [data for path in suite if b"\n" not in (data := path.read_bytes().strip()) and data]
    bad = [data for data in bad if not data.startswith(b"\xef\xbb\xbf")]
    assert len(bad) > 150
    found = entries_between_good_lines(tmp_path, form, bad)
    assert len(found.sessions) == 2
    assert len(found.quarantined) == len(bad)
    assert set(found.codes) <= {"malformed_json", "invalid_unicode", "not_an_object"}
