"""Commands forked from a preloaded process: they behave like the installed script."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

from tests.support import opened_files
from tests.support.command import Corpus, chatsieve, current

pytestmark = pytest.mark.e2e


def test_a_forked_command_behaves_like_the_installed_script(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code, output, folder and umask are the same, so a test of one is a test of the other."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("Mail bob@example.com, please.\n")
    before = os.umask(0o027)
    try:
        for arguments in (
            ["scrub", "text.txt"],
            ["scrub", "missing.txt"],
            ["\udcff"],
        ):
            forked, fresh = chatsieve(*arguments), chatsieve(*arguments, fresh=True)
            assert (forked.returncode, forked.stdout, forked.stderr) == (
                fresh.returncode,
                fresh.stdout,
                fresh.stderr,
            )
        for name, fresh_start in (("forked", False), ("fresh", True)):
            done = chatsieve("audit", "-c", corpus.config, "--output", name, fresh=fresh_start)
            assert done.returncode == 0, done.stderr
    finally:
        os.umask(before)
    modes = [
        {
            path.relative_to(current(tmp_path / name)).as_posix(): path.stat().st_mode
            for path in current(tmp_path / name).rglob("*")
        }
        for name in ("forked", "fresh")
    ]
    assert modes[0] == modes[1]


def test_a_forked_command_leaves_no_state_for_the_next_one(tmp_path: Path) -> None:
    """Each has its own environment and state: `--debug` and the key of the first one do not persist."""
    (tmp_path / "text.txt").write_text("Mail bob@example.com, please.\n")
    config = Path("configs/demo.yaml").resolve()
    key = ("--set", "key_file=null", "--set", "key=${FORKED_KEY}", "--output", tmp_path / "out")
    named = chatsieve("audit", "-c", config, *key, "--set", "runner.workers=1", FORKED_KEY="a7" * 32)
    assert named.returncode == 0, named.stderr
    unnamed = chatsieve("audit", "-c", config, *key)
    assert unnamed.returncode == 2
    assert "FORKED_KEY is not set" in unnamed.stderr


@pytest.mark.parametrize("commands", [3, pytest.param(200, marks=pytest.mark.prove)])
def test_many_forks_end_with_the_same_result(corpus: Corpus, tmp_path: Path, commands: int) -> None:
    """A lock held by a thread at a fork could block one of many. Two workers use gRPC, which has threads."""
    first = None
    for number in range(commands):
        workers = 2 if number % 20 == 4 else 1
        out = tmp_path / str(number)
        done = chatsieve(
            "audit", "-c", corpus.config, "--output", out, "--json", "--set", f"runner.workers={workers}"
        )
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        del document["path"], document["folder"]
        assert first in (None, document)
        first = document


def test_a_file_beside_the_clone_is_noticed(tmp_path: Path) -> None:
    """The guard of opened files sees the tests' own process, folders that are listed, and forked commands."""
    # Tests may open the temporary folder, in which a clone can be.
    beside = next(each for each in opened_files.ROOT.parents if each != Path(tempfile.gettempdir()))
    assert list(beside.iterdir())
    assert opened_files.take() == [str(beside)]
    outside = Path(tempfile.gettempdir()) / f"outside-the-clone-{os.getpid()}.txt"
    try:
        outside.touch()
        assert outside.read_bytes() == b""
        assert opened_files.take() == [str(outside)]
        with pytest.raises(AssertionError, match="opened outside the clone"):
            chatsieve("scrub", outside)
    finally:
        outside.unlink()
    (tmp_path / "inside.txt").write_text("x")
    assert opened_files.take() == []


def test_the_guard_has_no_exemption_without_samples(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A lone clone has no folder of samples beside it; the variable alone opens one."""
    monkeypatch.delenv("CHATSIEVE_SAMPLES", raising=False)
    allowed = opened_files.allowed_folders()
    home, beside = str(Path.home()), str(opened_files.ROOT.parent)
    assert not {home, beside, f"{beside}/"} & set(allowed)
    monkeypatch.setenv("CHATSIEVE_SAMPLES", str(tmp_path))
    assert opened_files.allowed_folders() == [*allowed, str(tmp_path.resolve())]


def test_a_folder_of_samples_that_is_missing_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A misspelt name must not pass for a run without samples."""
    monkeypatch.setenv("CHATSIEVE_SAMPLES", str(tmp_path / "missing"))
    with pytest.raises(pytest.UsageError, match="no such folder"):
        opened_files.allowed_folders()
