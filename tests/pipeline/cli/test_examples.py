"""The examples of the help of all commands: each one parses, and runs as it is written."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
import typer

from tests.support.cli_commands import cli_commands
from tests.support.command import chatsieve

COMMANDS = cli_commands()
EXAMPLES = sorted({example.line for command in COMMANDS.values() for example in command.examples})
#: Examples that cannot run here, and why.
PARSED_ONLY = {
    "chatsieve init": "asks on a terminal",
    "chatsieve run -c flink.yaml -- --parallelism=8": "needs a Flink cluster",
}


def arguments_of(line: str) -> list[str]:
    """The program and its arguments, without a redirection to a file."""
    return shlex.split(re.split(r" >>? ", line)[0])


def parse(line: str) -> None:
    """Parses a command line as the program does, up to the call of the command; raises what it raises."""
    words = max((each for each in COMMANDS if f"{line} ".startswith(f"{each} ")), key=len)
    given = arguments_of(line)
    command = COMMANDS[words]
    with command.make_context(words, given[words.count(" ") + 1 :]):
        pass


@pytest.fixture(scope="module")
def a_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with logs, run.yaml, chatsieve.key, out/dataset of two versions, and small files."""
    folder = tmp_path_factory.mktemp("examples") / "folder"
    assert chatsieve("sample", folder, "--conversations", 8, "--seed", 7).returncode == 0
    config = (folder / "config.yaml").read_text().replace("workers: 2", "workers: 1")
    output = "path: out/dataset\n  on_exists: new_version\n"
    (folder / "run.yaml").write_text(config.replace("path: out\n", output))
    for as_of in ("2026-03-01T00:00:00Z", "2026-03-02T00:00:00Z"):
        done = chatsieve("run", "-c", folder / "run.yaml", "--as-of", as_of, "--quiet")
        assert done.returncode == 0, done.stderr
    (folder / "notes.txt").write_text("Mail bob@example.com, says Priya Raghunathan.\n")
    (folder / "labelled.jsonl").write_text(
        '{"text": "Mail bob@example.com", "spans": [[5, 20, "EMAIL_ADDRESS"]]}\n'
    )
    (folder / "erasures.csv").write_text("kind,id\nuser,user-000000004\n")
    return folder


@pytest.mark.parametrize("line", EXAMPLES)
def test_an_example_parses(line: str) -> None:
    """An option that was renamed or removed must not stay in the help."""
    assert line.startswith("chatsieve ")
    if line.endswith(" --help"):
        with pytest.raises(typer.Exit):
            parse(line)
    else:
        parse(line)


def test_a_wrong_example_is_reported() -> None:
    """The check must be able to fail."""
    for line in ("chatsieve run -c run.yaml --gone", "chatsieve gc out/dataset", "chatsieve gc a --keep x"):
        with pytest.raises(typer.TyperException):
            parse(line)


@pytest.mark.faults
@pytest.mark.parametrize("line", [line for line in EXAMPLES if line not in PARSED_ONLY])
def test_an_example_works(line: str, a_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """People copy examples. Each one runs in a copy of the folder; what it redirects is printed."""
    shutil.copytree(a_folder, tmp_path / "copy", symlinks=True)
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setenv("HOME", str(tmp_path))
    given = arguments_of(line)
    done = chatsieve(*given[1:])
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    if given != shlex.split(line):
        assert done.stdout


def test_examples_that_only_parse_exist() -> None:
    """An exception for an example that was removed would hide a new one."""
    assert set(PARSED_ONLY) <= set(EXAMPLES)
