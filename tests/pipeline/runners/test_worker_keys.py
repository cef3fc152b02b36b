"""Workers get the key by reference; a worker without it, or with another one, ends the run with one line."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pipeline.commands.run import execute
from pipeline.inputs.config import load_settings
from pipeline.runners import children
from pipeline.runners.progress import Progress
from schemas.errors import ChatsieveError, ConfigError, PipelineError
from schemas.keys import key_id
from tests.support.command import Corpus
from transforms.shuffle import run_key
from transforms.shuffle.run_key import KeyReference, KeySource, RunHasher, RunKey, check_travels, key_of

KEY = bytes(range(100, 132))
OTHER = bytes(range(50, 82))
_COMMAND = """#!/bin/sh
echo called >> {calls}
echo noise of the key command >&2
{then}
"""


def _script(folder: Path, then: str) -> tuple[Path, Path]:
    """A key command and the file to which it writes a line for each call."""
    path, calls = folder / "kms", folder / "calls"
    path.write_text(_COMMAND.format(calls=calls, then=then))
    path.chmod(0o755)
    return path, calls


def _config(out: Path, **key: object) -> dict[str, object]:
    return {"audit.path": str(out), "runner.workers": 2, "key_file": None, "create_key": False, **key}


def _workers_with(monkeypatch: pytest.MonkeyPatch, *prefix: str) -> None:
    """Starts each worker process by these arguments, such as `env`, before its own."""
    command = children.worker_command
    monkeypatch.setattr(children, "worker_command", lambda: [*prefix, *command()])


def _audit(corpus: Corpus, out: Path, **key: object) -> list[Path]:
    settings = load_settings(corpus.config, _config(out, **key))
    execute(settings, "audit", [], Progress(False))
    return [path for path in out.rglob("*") if path.is_file()]


def _failure(corpus: Corpus, out: Path, **key: object) -> str:
    with pytest.raises(PipelineError) as caught:
        _audit(corpus, out, **key)
    assert caught.value.exit_code == 3
    assert not out.exists()
    message = str(caught.value)
    assert "\n" not in message
    assert KEY.hex() not in message
    assert OTHER.hex() not in message
    return message


@pytest.mark.faults
def test_every_source_of_a_key_gives_the_same_ledger(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A literal key, a variable, a file and a command; the command runs once in each process."""
    monkeypatch.setenv("SOME_KEY", KEY.hex())
    monkeypatch.delenv(run_key.GIVEN, raising=False)
    (tmp_path / "key").write_text(KEY.hex() + "\n")
    script, calls = _script(tmp_path, f"echo {KEY.hex()}")
    ledgers = {}
    for name, given in {
        "literal": {"key": KEY.hex()},
        "variable": {"key": "${SOME_KEY}"},
        "file": {"key_file": str(tmp_path / "key")},
        "command": {"key_command": [str(script), "some", "arguments"]},
    }.items():
        written = _audit(corpus, tmp_path / name, **given)
        ledgers[name] = sorted(path.read_bytes() for path in written if path.parent.name == "ledger")
        assert not [path for path in written if KEY.hex().encode() in path.read_bytes()]
    assert ledgers["literal"]
    assert all(ledger == ledgers["literal"] for ledger in ledgers.values())
    assert calls.read_text().splitlines() == ["called"] * 3  # the driver and its two workers
    assert run_key.GIVEN not in os.environ


def test_a_worker_without_the_key_ends_the_run(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names what is missing where, and the id of the key that is needed."""
    monkeypatch.setenv("SOME_KEY", KEY.hex())
    _workers_with(monkeypatch, "env", "-u", "SOME_KEY")
    assert _failure(corpus, tmp_path / "out", key="${SOME_KEY}") == (
        "a worker has no key: environment variable SOME_KEY is not set; generate a key with "
        f"`chatsieve keygen`; the run has the key with id {key_id(KEY)}"
    )


def test_a_worker_with_another_key_ends_the_run(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Digests under two keys would not match, and every user would seem to have refused nothing."""
    monkeypatch.setenv("SOME_KEY", KEY.hex())
    _workers_with(monkeypatch, "env", f"SOME_KEY={OTHER.hex()}")
    assert _failure(corpus, tmp_path / "out", key="${SOME_KEY}") == (
        f"a worker has another key: environment variable SOME_KEY has the key with id {key_id(OTHER)}, the "
        f"run has {key_id(KEY)}; give all workers the key of the run"
    )


def test_a_key_command_that_fails_on_a_worker_ends_the_run(corpus: Corpus, tmp_path: Path) -> None:
    """What it prints to standard error may be secret; so may its arguments."""
    script, _ = _script(tmp_path, f"[ $(wc -l < {tmp_path}/calls) = 1 ] && echo {KEY.hex()} || exit 7")
    assert _failure(corpus, tmp_path / "out", key_command=[str(script), "--token=sesame"]) == (
        f"a worker has no key: key_command {script}: ended with exit code 7; run it by hand to see why; the "
        f"run has the key with id {key_id(KEY)}"
    )


@pytest.mark.parametrize(
    ("then", "message"),
    [
        ("exit 3", "ended with exit code 3; run it by hand to see why"),
        ("echo sesame", "expected 64 or more hex digits; make a key with `chatsieve keygen`"),
        ("sleep 60", "no answer in 0.2 seconds; run it by hand to see why"),
    ],
)
def test_a_key_command_that_gives_no_key_refuses_the_run(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, message: str
) -> None:
    """Before anything is read or written."""
    monkeypatch.setattr(run_key, "COMMAND_SECONDS", 0.2)
    script, _ = _script(tmp_path, f"exec {then}" if then.startswith("sleep") else then)
    with pytest.raises(ConfigError) as caught:
        _audit(corpus, tmp_path / "out", key_command=[str(script), "--token=sesame"])
    assert str(caught.value) == f"key_command {script}: {message}"


def test_a_key_command_is_started_without_a_shell(corpus: Corpus, tmp_path: Path) -> None:
    """Arguments are passed as they are; a program in a folder is relative to the configuration."""
    script, _ = _script(tmp_path, 'echo "$1" > "$(dirname "$0")/seen"; exit 9')
    config = tmp_path / "config.yaml"
    config.write_text(corpus.config.read_text())
    packaged = {"policy": "consumer-terms-2025-09-28", "deid": "default"}
    overrides = _config(tmp_path / "out", **packaged, key_command=["./kms", "$(touch made); `x` *"])
    with pytest.raises(ConfigError, match=f"key_command {script}: ended with exit code 9"):
        load_settings(config, overrides)
    assert (tmp_path / "seen").read_text() == "$(touch made); `x` *\n"
    with pytest.raises(ConfigError, match=r"key_command no-such-program: cannot be started \(No such file"):
        load_settings(config, {**overrides, "key_command": ["no-such-program"]})


def test_two_sources_of_a_key_are_refused(corpus: Corpus, tmp_path: Path) -> None:
    """Nothing says which one is meant."""
    overrides = _config(tmp_path / "out", key=KEY.hex(), key_command=["kms"])
    with pytest.raises(ConfigError, match="expected one of key, key_file and key_command"):
        load_settings(corpus.config, overrides)


def test_a_literal_key_is_refused_for_runners_that_are_not_local() -> None:
    """It could only be carried in the graph. The line names the ways that work."""
    literal = KeyReference(KeySource("literal"), key_id(KEY))
    with pytest.raises(
        ConfigError, match=r"key: runner flink .* give key: \$\{VARIABLE\} alone, key_file or"
    ):
        check_travels(literal, "flink")
    for kind in ("variable", "file", "command"):
        check_travels(KeyReference(KeySource(kind, ("x",)), key_id(KEY)), "flink")  # type: ignore[arg-type]


def test_a_key_is_fetched_once_in_a_process_however_often_steps_are_unpickled(tmp_path: Path) -> None:
    """A runner unpickles every step for every bundle processor; a KMS call takes time and costs money."""
    script, calls = _script(tmp_path, f"echo {KEY.hex()}")
    reference = KeyReference(KeySource("command", (str(script),)), key_id(KEY))
    again = RunKey.new(reference)
    for _ in range(200):
        assert RunHasher(again).key == KEY
        assert again.open(again.seal({"a": 1})) == {"a": 1}
    assert calls.read_text().splitlines() == ["called"]
    wrong = KeyReference(reference.source, key_id(OTHER))
    with pytest.raises(
        ChatsieveError, match=f"has the key with id {key_id(KEY)}, the run has {key_id(OTHER)}"
    ):
        key_of(wrong)


_WITHOUT_CODE = """
import sys
class Absent:
    def find_spec(self, name, *_):
        if name.split(".")[0] == "transforms":
            raise ModuleNotFoundError("No module named 'transforms'", name=name)
sys.meta_path.insert(0, Absent())
from pipeline.runners.worker_main import main
main()
"""
_OTHER_CODE = """
import transforms.shuffle.installed as installed
installed.installed_digest = lambda: "0123456789abcdef" * 4
from pipeline.runners.worker_main import main
main()
"""
_OLDER_CODE = """
import transforms.read.stage as stage
del stage._Read
from pipeline.runners.worker_main import main
main()
"""


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            _WITHOUT_CODE,
            "a worker has no chatsieve, or another version; give workers and command line the same",
        ),
        (
            _OTHER_CODE,
            r"a worker has another chatsieve \(digest 0123456789ab, the run has [0-9a-f]{12}\); give",
        ),
        (
            _OLDER_CODE,
            "a worker has another chatsieve; give workers and command line the same version or image",
        ),
    ],
    ids=["missing", "other", "older"],
)
def test_a_worker_with_other_code_ends_the_run(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, message: str
) -> None:
    """It may decide otherwise; a runner would only show a traceback."""
    command = [sys.executable, "-P", "-c", code, str(os.getpid())]
    monkeypatch.setattr(children, "worker_command", lambda: command)
    with pytest.raises(PipelineError, match=message) as caught:
        _audit(corpus, tmp_path / "out", key=KEY.hex())
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
