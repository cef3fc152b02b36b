"""`chatsieve init` with odd paths and values: nothing is lost, nothing hangs, and YAML keeps each value."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.commands.init import files
from pipeline.inputs.config import load_settings
from schemas.errors import ConfigError, OutputError
from tests.support.command import chatsieve
from tests.support.first_logs import first_logs
from transforms.sources.suggest.lines import scalar

FLAGS = ("--user-id", "me", "--tier", "pro", "--surface", "chat", "--consent", "none")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a file of logs of an own schema."""
    monkeypatch.chdir(tmp_path)
    write_logs(tmp_path / "logs.jsonl")
    return tmp_path


def write_logs(path: Path, **more: str) -> None:
    """Logs without user, tier and surface; `more`: further fields of each record."""
    path.write_text("".join(f"{json.dumps({**record(number), **more})}\n" for number in range(4)))


def record(number: int) -> dict[str, Any]:
    """A conversation of two messages."""
    texts = (("user", "Where do I find the form?"), ("assistant", "It is on the second page."))
    return {
        "id": f"c{number}",
        "created_at": "2026-01-01T00:00:00Z",
        "messages": [{"role": role, "content": f"{text} ({number})"} for role, text in texts],
    }


@pytest.mark.parametrize(
    "text",
    ["a\nb", "a\r\n b: 'x' # y", "\x85\u2028", "tab\t", "\x7f\x1b[31m", "é: \u202e#", "${HOME}", "~", "1e3"],
)
def test_a_scalar_is_one_line_and_the_same_text_in_yaml(text: str) -> None:
    """Between single quotes a line break becomes a space, and some characters are refused."""
    made = scalar(text)
    assert len(made.splitlines()) == 1
    assert yaml.safe_load(f"key: {made}") == {"key": text}


def test_paths_with_line_breaks_are_the_same_paths_in_the_configuration(folder: Path) -> None:
    """The dataset goes to the folder that was given, and the logs are found."""
    odd = folder / "odd\n# 'name'"
    odd.mkdir()
    write_logs(odd / "l: x.jsonl")
    done = chatsieve("init", "odd\n# 'name'", *FLAGS, "--output", "out\nput")
    assert done.returncode == 0, done.stderr
    settings = load_settings(folder / "chatsieve.yaml", {})
    assert settings.output_path("run") == folder / "out\nput"
    assert settings.config.inputs[0].path == "odd\n# 'name'/**/*.jsonl"


def test_an_argument_that_is_no_utf_8_is_refused_by_name(folder: Path) -> None:
    """Not an internal error, and nothing stays."""
    for option in ("--user-id", "--output"):
        done = chatsieve("init", "logs.jsonl", *FLAGS, option, os.fsdecode(b"a\xff"))
        assert done.returncode == 2, done.stderr
        assert done.stderr.endswith("is not valid UTF-8\n")
    assert sorted(path.name for path in folder.iterdir()) == ["logs.jsonl"]


@pytest.mark.parametrize("empty", [("", *FLAGS), ("logs.jsonl", *FLAGS, "--output", "")])
def test_an_empty_path_is_not_the_working_folder(empty: tuple[str, ...], folder: Path) -> None:
    """A variable of the shell that is not set gives one."""
    done = chatsieve("init", *empty)
    assert (done.returncode, "is empty; give a value" in done.stderr) == (2, True)
    assert not (folder / "chatsieve.yaml").exists()


@pytest.mark.parametrize(
    "flags",
    [
        ("-c", "logs.jsonl", "--force"),
        ("-c", "consent.csv"),
        ("-c", "x.yaml", "--key-file", "x.yaml"),
        ("-c", "x.yaml", "--key-file", "consent.csv"),
        ("-c", "here/../link.jsonl", "--force"),
    ],
)
def test_no_file_is_written_over_another_or_over_the_logs(flags: tuple[str, ...], folder: Path) -> None:
    """Nor through a link to them; with --force neither."""
    (folder / "here").mkdir()
    (folder / "link.jsonl").symlink_to("logs.jsonl")
    before = (folder / "logs.jsonl").read_bytes()
    done = chatsieve("init", "logs.jsonl", *FLAGS, *flags)
    assert (done.returncode, "is given twice" in done.stderr) == (2, True), done.stderr
    assert (folder / "logs.jsonl").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["here", "link.jsonl", "logs.jsonl"]


def test_a_configuration_among_the_logs_is_replaced_with_force(folder: Path) -> None:
    """The folder of the logs is the working folder, and the command is repeated."""
    for more in ((), ("--force",)):
        done = chatsieve("init", ".", *FLAGS, *more)
        assert done.returncode == 0, done.stderr
    assert load_settings(folder / "chatsieve.yaml", {}).config.inputs[0].path == "**/*.jsonl"


def test_devices_and_pipes_are_neither_read_nor_replaced(tmp_path: Path) -> None:
    """A pipe would never end, a device would fill the memory, and --force would replace it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OutputError, match="is a device or a pipe"):
        files.check_free(pipe, force=True)
    with pytest.raises(ConfigError, match="is a device or a pipe"):
        files.check_key(pipe)
    with pytest.raises(OutputError, match="cannot be written"):
        files.check_free(tmp_path / ("a" * 300), force=False)
    assert pipe.is_fifo()


def test_an_error_puts_back_a_file_of_any_encoding(folder: Path) -> None:
    """Byte for byte: the configuration that it replaced may be in another encoding."""
    before = b"# \xe4\xf6\xfc\r\n"
    (folder / "chatsieve.yaml").write_bytes(before)
    done = chatsieve("init", "logs.jsonl", *FLAGS, "--force", "--output", "${NO}/x")
    assert done.returncode == 2
    assert (folder / "chatsieve.yaml").read_bytes() == before


def test_yes_leaves_out_tiers_and_surfaces_that_are_not_shown(folder: Path) -> None:
    """They are excluded, as the question says; no value of the logs is in the configuration or the output."""
    write_logs(folder / "logs.jsonl", plan="CANARY a", channel="CANARY b", user_id="CANARY c")
    done = chatsieve("init", "logs.jsonl", "--yes")
    assert done.returncode == 0, done.stderr
    assert "CANARY" not in (folder / "chatsieve.yaml").read_text() + done.stderr + done.stdout
    assert load_settings(folder / "chatsieve.yaml", {}).config.inputs[0].format == "mapped"


def test_yes_still_demands_what_would_falsify_roles(folder: Path) -> None:
    """A role has no default."""
    made = first_logs("mapped", folder)
    done = chatsieve("init", made.path, "--yes", "--fill", "time_zone=UTC")
    assert (done.returncode, "missing: --fill role.VALUE=ROLE" in done.stderr) == (2, True)
