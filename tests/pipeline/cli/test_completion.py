"""Completion in Bash, Zsh and fish: the scripts, in real shells where they are installed, and the answers."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.cli.completion import VARIABLE, settings
from tests.support.cli_commands import cli_commands
from tests.support.command import COMMAND, chatsieve

POLICIES = ["consumer-terms-2025-09-28", "consumer-terms-2025-09-28-keep-prior"]
#: What is typed in Bash before the Tab key, and the arguments that the command gets.
TYPED = [
    ("chatsieve verif", ["verify"]),
    ("chatsieve run --log-format=j", ["run", "--log-format=json"]),
    ("chatsieve audit --policy=consumer-terms-2025-09-28-k", ["audit", f"--policy={POLICIES[1]}"]),
    ("chatsieve run --set runner.name=di", ["run", "--set", "runner.name=direct"]),
    ("chatsieve run --set=output.on_exists=n", ["run", "--set=output.on_exists=new_version"]),
    ("chatsieve run --set a.b=c --quie", ["run", "--set", "a.b=c", "--quiet"]),
    ("chatsieve sample new --input-format p", ["sample", "new", "--input-format", "parquet"]),
    ("chatsieve run -c the-one-c", ["run", "-c", "the-one-config.yaml"]),
    ("chatsieve run -c folder/the-o", ["run", "-c", "folder/the-other.yaml"]),
]


def answer(shell: str, words: str) -> list[str]:
    """The lines of an answer to a shell that asks with the words, of which the last is incomplete."""
    split = words.split(" ")
    asked = {
        "bash": {"COMP_WORDS": "\n".join(split), "COMP_CWORD": str(len(split) - 1)},
        "zsh": {"_TYPER_COMPLETE_ARGS": words},
        "fish": {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }[shell]
    done = chatsieve(**{VARIABLE: f"complete_{shell}"}, **asked)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_bash_completes_what_is_typed(tmp_path: Path) -> None:
    """An interactive Bash, with the Tab key: it splits words at =, and adds spaces."""
    (tmp_path / "folder").mkdir()
    for name in ("the-one-config.yaml", "folder/the-other.yaml"):
        (tmp_path / name).write_text("")
    script = chatsieve("completion", "bash").stdout
    # Shown is what the command would get: completion itself calls the program, not this function.
    (tmp_path / "script").write_text(f"{script}\nchatsieve() {{ printf '[%s]' \"$@\"; echo ' end'; }}\n")
    lines = ["PS1= PS2= TERM=dumb", "stty -echo", ". ./script", *(f"{typed}\t" for typed, _ in TYPED), "exit"]
    typist, terminal = pty.openpty()
    path = f"{COMMAND.parent}{os.pathsep}{os.environ['PATH']}"
    bash = subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=tmp_path,
        env={"PATH": path, "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )
    os.close(terminal)
    os.write(typist, "\n".join([*lines, ""]).encode())
    shown, _ = bash.communicate(timeout=120)
    os.close(typist)
    got = [line.removesuffix(" end") for line in shown.decode().splitlines() if line.endswith(" end")]
    assert got == ["".join(f"[{argument}]" for argument in arguments) for _, arguments in TYPED]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_another_shell_takes_the_script(shell: str, tmp_path: Path) -> None:
    """A script with a wrong quote would fail at each start of the shell."""
    script = chatsieve("completion", shell).stdout
    assert "chatsieve" in script
    assert VARIABLE in script
    if (program := shutil.which(shell)) is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / "script").write_text(script)
    done = subprocess.run([program, "-n", tmp_path / "script"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_is_answered_in_its_form(shell: str) -> None:
    """Zsh gets a call of its own functions, fish a tab before the text; Zsh would run a raw backtick."""
    text = "Set any key of the configuration, such as output.shards=8."
    assert (
        answer(shell, "chatsieve run --se")
        == {
            "bash": ["--set"],
            "zsh": [f"""_arguments '*: :(("--set":"{text}"))'"""],
            "fish": [f"--set\t{text}"],
        }[shell]
    )
    raw = "".join(answer(shell, "chatsieve run --consen"))
    assert ("\\`consent.snapshots\\`" in raw) == (shell == "zsh")


@pytest.mark.parametrize("words", [words for words in cli_commands() if words.count(" ")])
def test_every_command_and_its_options_complete(words: str) -> None:
    """A new command must not be left out."""
    assert words.split()[-1] in answer("bash", words)
    options = {name for each in cli_commands()[words].params for name in each.opts if name[:2] == "--"}
    assert options <= set(answer("bash", f"{words} --"))


def test_texts_of_completions_are_literal() -> None:
    """Typer reads them as markup: `[0.5]` would stay, `[bold]` would not."""
    shown = answer("fish", "chatsieve evaluate --spa")
    assert shown == [
        '--spans\tLabelled texts: JSON Lines of {"text", "spans": [[start, end, "TYPE"], ...]}; '
        'texts with the same "session" are masked together.'
    ]


@pytest.mark.parametrize(("option", "value"), [("--policy", POLICIES[1]), ("--deid", "default")])
def test_names_complete_in_every_command_that_takes_them(option: str, value: str) -> None:
    """A command with an option of its own for the same names must complete them, too."""
    for words, command in cli_commands().items():
        if any(option in each.opts for each in command.params):
            assert answer("bash", f"{words} {option} {value[:-1]}") == [value], words


def test_settings_have_all_values_of_a_key() -> None:
    """Runner names are no option of their own; they are set as a key of the configuration."""
    names = {each.partition("=")[2] for each in settings() if each.startswith("runner.name=")}
    assert names == {"direct", "prism", "portable", "flink", "spark", "dataflow"}
    assert "create_key=true" in settings()


@pytest.mark.parametrize(
    "environment",
    [
        {VARIABLE: ""},
        {VARIABLE: "nonsense"},
        {VARIABLE: "complete_tcsh"},
        {VARIABLE: "complete_bash"},
        {VARIABLE: "complete_bash", "COMP_WORDS": "chatsieve\nru", "COMP_CWORD": "one"},
        {VARIABLE: "complete_bash", "COMP_WORDS": "chatsieve\ngc\n--keep\nx\n=", "COMP_CWORD": "4"},
    ],
)
def test_a_question_that_cannot_be_answered_prints_nothing(environment: dict[str, str]) -> None:
    """An error would be printed into the line that is being typed."""
    done = chatsieve(**environment)
    assert (done.stdout, done.stderr) == ("", "")


def test_an_answer_to_a_closed_or_full_terminal_is_silent() -> None:
    """A traceback would be printed into the line that is being typed."""
    asked = {VARIABLE: "complete_bash", "COMP_WORDS": "chatsieve\nru", "COMP_CWORD": "1"}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [COMMAND], stdout=full, stderr=subprocess.PIPE, check=False, env={**os.environ, **asked}
        )
    assert (done.returncode, done.stderr) == (0, b"")


def test_an_answer_loads_no_runner_and_leaves_nothing(tmp_path: Path) -> None:
    """Each Tab asks: it must not take a second, be logged or counted as a run, or leave files."""
    for name in ("temporary", "work"):
        (tmp_path / name).mkdir()
    program = (
        "import sys; sys.argv = ['chatsieve']; from pipeline.cli.main import main\n"
        "try: main()\n"
        "finally: print({*sys.modules} & {'apache_beam', 'spacy', 'pyarrow', 'numpy', 'pipeline.telemetry'})"
    )
    variables = {
        VARIABLE: "complete_bash",
        "COMP_WORDS": "chatsieve\nrun\n--policy\nconsumer-terms-2025-09-28-k",
        "COMP_CWORD": "3",
        "CHATSIEVE_LOG_FORMAT": "json",
        "CHATSIEVE_METRICS_FILE": str(tmp_path / "work/metrics.prom"),
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path / "work",
        env={**os.environ, **variables},
    )
    assert (done.stdout, done.stderr) == (f"{POLICIES[1]}\nset()\n", "")
    assert [*tmp_path.glob("*/*")] == []
