"""What `inspect` reports about logs, and that `convert` loses no content."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

from pipeline.commands.convert import convert
from pipeline.commands.inspect import inspect
from pipeline.inputs.globs import input_files
from schemas.errors import InputError, OutputError
from schemas.formats import BUILT_IN
from schemas.records import Defaults, Limits
from tests.support.command import chatsieve
from tests.support.source_files import message, read_all, record, write_lines
from transforms.sources.recognize import _RECOGNIZERS

CANARY = "canary.person@example.org"


def test_every_built_in_format_can_be_recognized() -> None:
    """A new format that `inspect` does not detect would be invisible to its users."""
    assert set(_RECOGNIZERS) == set(BUILT_IN)


def test_texts_and_tools_come_back_as_they_were(tmp_path: Path) -> None:
    """Text word for word, tool inputs as values, results with their images and errors."""
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "text", "text": "a\u0000b 😀"},
        {"type": "tool_use", "id": "t1", "name": "run", "input": {"a": [1, 2.5, None, "x"], "b": {}}},
    ]
    results = [
        {"type": "tool_result", "tool_use_id": "t1", "content": "plain", "is_error": True},
        {
            "type": "tool_result",
            "tool_use_id": "t2",
            "content": [{"type": "image"}, {"type": "text", "text": "y"}],
        },
        {"type": "hologram"},
    ]
    turns = [
        message("m1", content="hi"),
        message("m2", role="assistant", content=blocks, parent_id="m1"),
        message("m3", role="tool", content=results, thread="agent"),
        message("m4", content=None),
    ]
    path = write_lines(
        tmp_path / "a.jsonl", [record(messages=turns, incognito=True, current_message_id="m4")]
    )
    convert([str(path)], tmp_path / "a.parquet", None, Defaults(), Limits())
    (before,), (after,) = read_all([path]).sessions, read_all([tmp_path / "a.parquet"]).sessions
    assert after.messages[0].content[0].text == "hi"  # type: ignore[union-attr, index]
    assert after.messages[1] == before.messages[1]
    result, picture, strange = after.messages[2].content or []
    assert (result.content[0]["text"], result.is_error) == ("plain", True)  # type: ignore[union-attr]
    assert [part.get("type") for part in picture.content] == ["image", "text"]  # type: ignore[union-attr]
    assert strange.type == "hologram"  # type: ignore[union-attr]
    assert after.messages[3].content is None
    assert (after.incognito, after.current_message_id) == (True, "m4")


def test_a_conversion_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    """An output is never replaced, and a refusal leaves nothing raw behind."""
    path = write_lines(tmp_path / "a.jsonl", [record()])
    output = tmp_path / "out" / "a.parquet"
    with pytest.raises(OutputError, match="cannot be written"):
        convert([str(path)], output, None, Defaults(), Limits())
    output.parent.mkdir()
    output.write_text("mine")
    with pytest.raises(OutputError, match="exists"):
        convert([str(path)], output, None, Defaults(), Limits())
    assert output.read_text() == "mine"
    output.unlink()
    write_lines(tmp_path / "b.jsonl", [{"conversations": [{"from": "human", "value": "x"}]}])
    with pytest.raises(InputError, match=r"several formats \(canonical, sharegpt\)"):
        convert([str(tmp_path / "*.jsonl")], output, None, Defaults(), Limits())
    with pytest.raises(InputError, match="no known format"):
        convert([__file__], output, None, Defaults(), Limits())
    assert list(output.parent.iterdir()) == []


def test_the_commands_print_config_entries_and_no_text(tmp_path: Path) -> None:
    """The entry for `inputs` is YAML that names the values to fill in; no text and no id is printed."""
    turns = [message(CANARY, content=CANARY), message("m2", role="assistant", content=[{"type": CANARY}])]
    write_lines(
        tmp_path / "a.jsonl",
        [
            record(conversation_id=CANARY, user_id=CANARY, tier=..., messages=turns),
            b"{broken",
            {"conversation_id": 5},
        ],
    )
    (tmp_path / "notes.txt").write_text(CANARY)
    done = chatsieve("inspect", tmp_path)
    assert done.returncode == 0
    assert CANARY not in done.stdout + done.stderr
    assert "1 sessions in 3 records, 2 messages" in done.stdout
    assert "lacks tier in 1 records" in done.stdout
    assert "1 not recognized: *.txt" in done.stdout
    entry = yaml.safe_load(done.stdout[done.stdout.index("inputs:") :])
    assert entry == {
        "inputs": [{"path": f"{tmp_path}/**/*.jsonl", "format": "canonical", "defaults": {"tier": None}}]
    }
    document = json.loads(chatsieve("inspect", tmp_path, "--json").stdout)
    assert document["formats"][0]["not_understood"]["blocks"] == {"other": 1}
    assert document["formats"][0]["quarantined"] == {"malformed_json": 1, "missing_field": 1}
    assert CANARY not in json.dumps(document)

    output = tmp_path / "out.parquet"
    done = chatsieve("convert", tmp_path / "a.jsonl", "--output", output, "--default", "tier=pro")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "chatsieve: 1 records were not converted: malformed_json",
        "chatsieve: 1 records were not converted: missing_field: created_at (missing)",
        f"{output}: 1 session records, unredacted",
    ]
    assert pq.read_table(output)["tier"].to_pylist() == ["pro"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["inspect", "no-such-place"], "no such input"),
        (["inspect", ".", "--format", "floppy"], "--format floppy: no such format"),
        (["convert", "x.jsonl", "--output", "y", "--default", "tier"], "expected NAME=VALUE"),
        (["convert", "x.jsonl", "--output", "y", "--default", "plan=pro"], "--default plan"),
        (
            ["convert", "x.jsonl", "--output", "y", "--default", "created_at=2024-01-01"],
            "--default created_at: expected a time with an offset",
        ),
        (["convert", "x.jsonl", "--output", "y"], "no such input"),
        (["evaluate", "--synthetic", "5", "--type", "NAME=PERSON"], "--type needs --spans"),
        (["sample", "x", "--conversations", "-1"], "equal to 0. See chatsieve sample --help."),
    ],
)
def test_mistakes_are_one_line(arguments: list[str], words: str) -> None:
    """And exit code 2, before anything is written."""
    done = chatsieve(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert words in done.stderr


@pytest.mark.parametrize("wrapped", [True, False])
def test_an_archive_is_recognized_by_its_content(tmp_path: Path, wrapped: bool) -> None:
    """Some tools write the array of an export under a key; the archive is still an export."""
    items = [{"uuid": "c", "created_at": "2026-01-01T00:00:00Z", "chat_messages": []}]
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("data/users.json", "[]")
        archive.writestr(
            "data/conversations.json", json.dumps({"conversations": items} if wrapped else items)
        )
    (found,) = inspect(str(tmp_path))["formats"]
    assert (found["format"], found["sessions"]) == ("claude-export", 1)


def test_a_wrapped_array_is_detected_in_a_file_of_any_size(tmp_path: Path) -> None:
    """This one has 70 MB; detection reads an object of at most 64 MB as a whole."""
    item = {"created_at": "2026-01-01T00:00:00Z", "chat_messages": [], "summary": "x" * 720_000}
    items = [{"uuid": f"c{n}", **item} for n in range(99)]
    (tmp_path / "conversations.json").write_text(json.dumps({"conversations": items}))
    (found,) = inspect(str(tmp_path))["formats"]
    assert (found["format"], found["sessions"]) == ("claude-export", 99)


def test_a_run_by_the_entries_reads_the_inspected_files(tmp_path: Path) -> None:
    """An export can have any name, and logs can be beside other files, which a run does not read."""
    items = [{"uuid": f"c{n}", "created_at": "2026-01-01T00:00:00Z", "chat_messages": []} for n in range(3)]
    for folder, name, item in zip("abc", ("conversations.json", "chat.json", "[a].txt"), items, strict=True):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(json.dumps([item]))
    write_lines(tmp_path / "own.jsonl", [record()])
    write_lines(tmp_path / "own.ndjson", [record(conversation_id="c2")])
    (tmp_path / "notes.txt").write_text("not a log")
    for found in inspect(str(tmp_path))["formats"]:
        read = {file.path for each in found["inputs"] for file in input_files(each["path"], each["format"])}
        assert len(read) == found["files"]


def test_versions_and_unknown_lines_of_claude_code_are_reported(tmp_path: Path) -> None:
    """A line type of a new version is reported by name; an arbitrary word is not."""
    line = {"uuid": "u1", "sessionId": "s", "timestamp": "2026-01-01T00:00:00Z", "version": "2.1.3"}
    lines = [
        line | {"type": "user", "message": {"role": "user", "content": "hi"}},
        line | {"type": "hologram", "uuid": "u2", "parentUuid": "u1"},
        line | {"type": CANARY, "uuid": "u3", "parentUuid": "u2", "version": CANARY},
    ]
    write_lines(tmp_path / "s.jsonl", lines)
    (found,) = inspect(str(tmp_path))["formats"]
    assert found["versions"] == {"2.1.3": 2}
    assert found["not_understood"]["records"] == {"hologram": 1, "other": 1}
