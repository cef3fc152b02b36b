"""The key `fields`: what is refused, with file, line, key and cure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from schemas.errors import ConfigError
from schemas.mapped.fields import FieldsConfig
from schemas.mapped.paths import EACH, steps_of, text_of
from schemas.sections.inputs import InputConfig, reader_of
from schemas.strict_yaml import load_model

GOOD = """path: logs
format: mapped
fields:
  conversation_id: sid
  user_id: meta.user.id
  tier:
    path: meta.plan
    values: {plus: pro}
  created_at: {path: started, unit: ms}
  messages:
    role: turns[].speaker
    content: turns[].text
"""
FAULTS = [
    ("conversation_id: sid", "conversationid: sid", "4: fields.conversationid: unknown key; did you mean conversation_id?"),
    ("    content:", "    contents:", "12: fields.messages.contents: unknown key; did you mean content?"),
    ("    values:", "    value:", "8: fields.tier.value: unknown key; did you mean values?"),
    ("sid", "$.sid", "4: fields.conversation_id: expected a path such as meta.user.id"),
    ("turns[].text", "turns[*].text", "12: fields.messages.content: expected a path such as meta.user.id"),
    ("conversation_id: sid", "conversation_id: 7", "4: fields.conversation_id: expected a path"),
    ("sid", "turns[].id", "4: fields.conversation_id: [] is for messages"),
    ("user_id: meta.user.id", "user_id: FILL_IN", "5: fields.user_id: FILL_IN is a placeholder"),
    ("{plus: pro}", "{FILL_IN: pro}", "8: fields.tier.values.FILL_IN: FILL_IN is a placeholder"),
    ("unit: ms", "unit: millis", "9: fields.created_at.unit: expected 's', 'ms', 'us' or 'ns'"),
    ("unit: ms", "zone: Mars/Base", "9: fields.created_at.zone: no such time zone"),
    ("unit: ms", "unit: ms, zone: UTC", "9: fields.created_at: unit excludes zone and format"),
    ("unit: ms", "format: '%d.%m.%Y', zone: UTC", "9: fields.created_at.format: has no time of day"),
    ("unit: ms", "format: '%d.%m.%Y %H:%M'", "9: fields.created_at: format without %z needs a zone"),
    ("user_id: meta.user.id", "surface: chat", "5: fields.surface: chat could be a value or a field; write {constant: chat}"),
    ("role: turns[].speaker", "role: {path: 'turns[].speaker', values: {x: human}}", "11: fields.messages.role.values.x: expected 'system', 'user'"),
    ("role: turns[].speaker", "role: {constant: user, alternate: [user]}", "11: fields.messages.role: expected one of path, constant and alternate"),
    ("content: turns[].text", "content: other[].text", "10: fields.messages: role: turns[].speaker is in another list"),
    ("role: turns[].speaker", "role: turns[].tags[].name", "10: fields.messages: role: turns[].tags[].name has several values"),
    ("content: turns[].text", "content: turns[].text\n    parent_id: turns[].up", "10: fields.messages: parent_id needs message_id"),
    ("  user_id: meta.user.id", "  group_by: thread", "3: fields: conversation_id and group_by exclude each other"),
    ("conversation_id: sid", "conversation_id: {constant: a}", "3: fields: conversation_id: a constant would make one session"),
    ("format: mapped", "format: canonical", "1: the file: fields is for format mapped; format is canonical"),
]  # fmt: skip


@pytest.mark.parametrize(("before", "after", "fault"), FAULTS, ids=[case[2] for case in FAULTS])
def test_a_fault_names_line_key_and_cure(tmp_path: Path, before: str, after: str, fault: str) -> None:
    """A newcomer corrects the line that is named, without reading the source."""
    path = tmp_path / "run.yaml"
    assert before in GOOD
    path.write_text(GOOD.replace(before, after, 1))
    with pytest.raises(ConfigError) as caught:
        load_model(path, InputConfig)
    assert str(caught.value).startswith(f"{path}:{fault}")
    assert "\n" not in str(caught.value)


def test_a_format_without_its_fields_names_the_command_that_proposes_them(tmp_path: Path) -> None:
    """The first thing that a user of an own schema tries."""
    path = tmp_path / "run.yaml"
    path.write_text("path: logs\nformat: mapped\n")
    with pytest.raises(ConfigError, match="format mapped needs fields; `chatsieve inspect PATH --suggest`"):
        load_model(path, InputConfig)


def test_a_path_with_brackets_in_braces_names_the_quotes(tmp_path: Path) -> None:
    """YAML ends a plain text in braces at a bracket."""
    path = tmp_path / "run.yaml"
    path.write_text(GOOD.replace("role: turns[].speaker", "role: {path: turns[].speaker}"))
    with pytest.raises(ConfigError, match=r"run\.yaml:11: not valid YAML: .* in quotes"):
        load_model(path, InputConfig)


def test_a_path_is_its_steps_and_back() -> None:
    """Names with dots are quoted, so that every field can be named."""
    for text, steps in {
        "a": ("a",),
        "a.b_c.d-e": ("a", "b_c", "d-e"),
        "a[].b[2][]": ("a", EACH, "b", 2, EACH),
        'a["b.c"].d': ("a", "b.c", "d"),
        "verlauf.größe 2": ("verlauf", "größe 2"),
    }.items():
        assert steps_of(text) == steps
        assert text_of(steps) == text
    for bad in ("", ".", "a.", ".a", "a..b", "[]", "a[", "a[]b", "a[-1]", "a. b", "/a"):
        with pytest.raises(ValueError, match="expected a path"):
            steps_of(bad)


READERS: list[tuple[dict[str, Any], str]] = [
    ({"conversation_id": "id"}, "mapped"),
    ({}, "mapped-histories"),
    ({"group_by": "id"}, "mapped-groups"),
]


@pytest.mark.parametrize(("ids", "reader"), READERS)
def test_the_reader_follows_from_the_ids(ids: dict[str, Any], reader: str) -> None:
    """Records without ids may repeat the history of others; single messages are grouped by file."""
    messages = {"role": "from", "content": "text"}
    assert reader_of(FieldsConfig.model_validate({**ids, "messages": messages})) == reader
