"""Each quarantine entry names the field at fault and the kind of its value, in every format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.sources.test_ways import TIMED
from tests.support.fields_at_fault import assert_fields_are_named
from tests.support.records_of_formats import damaged, records
from tests.support.source_files import read_all, write_lines

FORMS = ["canonical", "sharegpt", "openai-messages", "anthropic-messages", "otel-genai"]


@pytest.mark.parametrize("form", FORMS)
def test_every_bent_record_names_its_field(tmp_path: Path, form: str) -> None:
    """Who reads the quarantine sees what to mend, and no value: it could be a text or an id."""
    found = read_all([write_lines(tmp_path / "log.jsonl", records(form))], form, TIMED)
    assert_fields_are_named(found.quarantined)
    assert len({entry.field for entry in found.quarantined}) > 5


@pytest.mark.parametrize("form", FORMS)
def test_damaged_lines_have_no_field(tmp_path: Path, form: str) -> None:
    """A field is named only where the record could be decoded."""
    found = read_all([write_lines(tmp_path / "log.jsonl", damaged(form))], form, TIMED)
    assert_fields_are_named(found.quarantined)
    decoded = {entry.code for entry in found.quarantined if entry.field is not None}
    assert not {"not_an_object", "truncated_input"} & decoded


def test_every_bent_conversation_names_its_field(tmp_path: Path) -> None:
    """The same for exports, whose messages are lost one by one."""
    path = tmp_path / "conversations.json"
    path.write_text(json.dumps(records("claude-export")))
    found = read_all([path], "claude-export", TIMED)
    assert_fields_are_named(found.quarantined)
    assert {"chat_messages[].content[].text", "created_at"} <= {entry.field for entry in found.quarantined}
