"""Own schemas on the command line: proposed, tried, converted, and refused with field, kind and number."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.cli.inspect import checked_format, fields_of
from pipeline.commands.convert import convert
from pipeline.commands.inspect import inspect
from pipeline.inputs.fields_file import fields_at
from schemas.errors import ConfigError
from schemas.mapped.fields import FieldsConfig
from schemas.records import Defaults, Limits
from tests.sources.mapped.test_records import FIELDS, TURNS, one
from tests.support.command import chatsieve
from tests.support.source_files import read_all, write_lines

YAML = """conversation_id: sid
user_id: meta.user.id
messages:
  role: turns[].speaker
  content: turns[].text
  sent_at:
    path: turns[].at
    zone: Europe/Berlin
"""


def indented(text: str, by: int) -> str:
    return "".join(" " * by + line + "\n" for line in text.splitlines())


@pytest.mark.parametrize(
    "whole",
    [
        YAML,
        f"fields:\n{indented(YAML, 2)}",
        f"inputs:\n  - path: a\n    format: mapped\n    fields:\n{indented(YAML, 6)}policy: p\n",
    ],
)
def test_fields_are_read_from_a_file_of_any_form(tmp_path: Path, whole: str) -> None:
    """What `inspect --suggest` prints, a run configuration and the fields alone."""
    path = tmp_path / "fields.yaml"
    path.write_text(whole)
    assert fields_at(path).fields.conversation_id is not None
    path.write_text(whole.replace("user_id:", "userid:"))
    line = whole.replace("user_id:", "userid:").splitlines()
    number = next(n for n, text in enumerate(line, 1) if "userid" in text)
    with pytest.raises(
        ConfigError, match=rf"fields\.yaml:{number}: userid: unknown key; did you mean user_id"
    ):
        fields_at(path)


def test_inspect_counts_faults_by_field_and_fields_that_no_path_reads(tmp_path: Path) -> None:
    """A user sees at once which path is wrong, and what is left out."""
    faulty = [one(sid=None), one(turns=[TURNS[0] | {"speaker": "Zoe Quill"}])]
    path = write_lines(tmp_path / "log.jsonl", [one(extra={"note": "x"}), *faulty, faulty[1]])
    document = inspect(str(path), None, FieldsConfig.model_validate(FIELDS))
    (found,) = document["formats"]
    assert (found["format"], found["sessions"], found["quarantined"]) == (
        "mapped", 1, {"bad_field": 2, "missing_field": 1}
    )  # fmt: skip
    assert found["fields_at_fault"] == {
        "bad_field: turns[].speaker (text)": 2,
        "missing_field: sid (missing)": 1,
    }
    assert found["not_read"] == {"records": 4, "fields": {"extra.note": 1}}
    assert "Zoe" not in json.dumps(document)


def test_inspect_takes_defaults_beside_the_fields_and_elements_by_place(tmp_path: Path) -> None:
    """What the configuration gives is not lacking; a list that is read at [0] is not unread."""
    records = [{"id": "c1", "at": "2025-11-01T10:00:00Z", "choices": [{"text": "Hello there."}]}]
    path = write_lines(tmp_path / "log.jsonl", records)
    own = tmp_path / "own.yaml"
    own.write_text(
        "inputs:\n  - path: log.jsonl\n    format: mapped\n    defaults: {tier: pro, surface: null}\n"
        "    fields:\n      conversation_id: id\n      created_at: at\n"
        "      messages: {role: user, content: 'choices[0].text'}\n"
    )
    (found,) = inspect(str(path), None, *fields_at(own))["formats"]
    assert set(found["lacking"]) == {"user_id", "organization_id", "surface"}
    assert found["inputs"][0]["defaults"] == {"user_id": None, "surface": None}
    assert found["not_read"]["fields"] == {}


def test_grouped_rows_are_counted_as_records(tmp_path: Path) -> None:
    """Rows of single messages: each is used, or is an entry."""
    rows = [
        {"s": "a", "who": who, "text": "t", "at": "2025-12-01T10:00:00Z"}
        for who in ("user", "bot", "martian")
    ]
    fields = {"group_by": "s", "messages": {"role": "who", "content": "text", "sent_at": "at"}}
    path = write_lines(tmp_path / "log.jsonl", rows)
    (found,) = inspect(str(path), None, FieldsConfig.model_validate(fields))["formats"]
    assert found["sessions"] == 1
    assert found["accounts"]["records"] == {"quarantined: bad_field": 1, "used": 2}


def test_a_converted_log_has_the_sessions_of_the_log(tmp_path: Path) -> None:
    """The canonical file can replace the log: times in UTC, tiers by value, the same messages."""
    path = write_lines(tmp_path / "log.jsonl", [one(), one(sid="s2"), one(sid=None)])
    fields = FieldsConfig.model_validate(FIELDS)
    done = convert([str(path)], tmp_path / "a.parquet", None, Defaults(), Limits(), fields)
    assert done == (2, {"missing_field: sid (missing)": 1})
    sessions = read_all([tmp_path / "a.parquet"]).sessions
    assert [(each.conversation_id, each.tier, len(each.messages)) for each in sessions] == [
        ("s1", "pro", 2), ("s2", "pro", 2)
    ]  # fmt: skip


def test_options_that_exclude_each_other_are_refused(tmp_path: Path) -> None:
    """Each refusal says what to leave out."""
    with pytest.raises(ConfigError, match="--format mapped: needs --fields FILE"):
        checked_format("mapped")
    with pytest.raises(ConfigError, match="--fields is for format mapped"):
        fields_of(tmp_path / "f.yaml", "sharegpt")


def test_the_command_proposes_then_reads_what_it_proposed(tmp_path: Path) -> None:
    """The two commands of the first minutes, as a user types them."""
    path = write_lines(
        tmp_path / "log.jsonl", [one(), one(sid="s2", meta={"user": {"id": "u2"}, "plan": "free"})]
    )
    made = chatsieve("inspect", path, "--suggest")
    assert (made.returncode, made.stderr) == (0, "")
    fields = tmp_path / "fields.yaml"
    fields.write_text(made.stdout)
    refused = chatsieve("inspect", path, "--fields", fields)
    assert refused.returncode == 2
    assert "FILL_IN is a placeholder" in refused.stderr
    fields.write_text(made.stdout.replace("zone: FILL_IN", "zone: UTC").replace("FILL_IN", "pro"))
    read = chatsieve("inspect", path, "--fields", fields)
    assert read.returncode == 0, read.stderr
    assert "2 sessions in 2 records, 4 messages" in read.stdout
    both = chatsieve("inspect", path, "--suggest", "--fields", fields)
    assert (both.returncode, both.stderr.count("\n")) == (2, 1)
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    none = chatsieve("inspect", tmp_path / "a.csv", "--suggest")
    assert (none.returncode, none.stdout) == (1, "")
    assert none.stderr.count("\n") == 1
