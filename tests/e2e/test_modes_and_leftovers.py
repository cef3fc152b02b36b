"""Modes of what commands write do not depend on the umask, and a killed command leaves no temporary file."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipeline.commands.convert import convert
from schemas.records import Defaults, Limits
from tests.support.command import COMMAND, Corpus, chatsieve
from transforms.shuffle.temporary import SPILL, remove_abandoned, temporary_folder

pytestmark = pytest.mark.e2e

#: 0o777 allows nothing, 0o137 lets no folder be entered, 0o402 is no setting of anyone.
UMASKS = [0o022, *(pytest.param(umask, marks=pytest.mark.faults) for umask in (0, 0o077, 0o137, 0o402))]


def _modes(folder: Path) -> dict[str, int]:
    found = {}
    for path in [folder, *sorted(folder.rglob("*"))]:
        if not path.is_symlink():
            found[str(path.relative_to(folder))] = stat.S_IMODE(path.stat().st_mode)
    return found


def _expected(path: Path) -> int:
    private = {"restricted", "staging"} & {*path.parts}
    if path.is_dir():
        return 0o700 if private else 0o750
    return 0o600 if private or path.suffix == ".key" or path.name == "all.parquet" else 0o640


def _under(umask: int, *commands: tuple[object, ...]) -> None:
    before = os.umask(umask)
    try:
        for arguments in commands:
            done = chatsieve(*arguments)
            assert done.returncode in (0, 1), done.stderr
    finally:
        os.umask(before)


def _made(tmp_path: Path) -> Path:
    made = tmp_path / "made"
    made.mkdir()
    made.chmod(0o750)
    return made


def _assert_modes(made: Path, *names: str) -> None:
    modes = _modes(made)
    assert {*names} <= modes.keys()
    assert any("restricted/" in name for name in modes)
    assert {n: oct(m) for n, m in modes.items() if m != _expected(made / n)} == {}


@pytest.mark.parametrize("umask", UMASKS, ids=["0o22", "0o0", "0o77", "0o137", "0o402"])
def test_modes_are_the_same_under_every_umask(tmp_path: Path, umask: int) -> None:
    """Texts and ids must not be readable by others, nor a dataset unreadable for its group."""
    made = _made(tmp_path)
    new = made / "new"
    _under(
        umask,
        ("sample", new, "--conversations", 5, "--seed", 3),
        ("keygen", made / "made.key"),
        ("convert", new / "logs", "--output", made / "all.parquet"),
        ("audit", "-c", new / "config.yaml", "--output", made / "audit"),
    )
    _assert_modes(made, "new/chatsieve.key", "made.key", "all.parquet", "audit/CURRENT")


@pytest.mark.faults
def test_modes_are_right_for_every_command_under_a_umask_that_allows_nothing(tmp_path: Path) -> None:
    """Where a mode is not set explicitly, this umask shows it."""
    made = _made(tmp_path)
    new, out, audit = made / "new", made / "out", made / "audit"
    config = ("-c", new / "config.yaml")
    _under(
        0o777,
        ("sample", new, "--conversations", 20, "--seed", 3),
        ("demo", made / "demo"),
        ("run", *config, "--output", out, "--set", "runner.workers=1"),
        ("run", *config, "--output", out, "--rebuild", "--set", "output.on_exists=new_version"),
        ("audit", *config, "--output", audit, "--compare", out),
        ("audit", *config, "--output", made / "what", *_TWO_POLICIES),
        ("diff", out, audit, "--html", made / "page.html"),
        ("gc", out, "--keep", 1),
        ("forget", out, "--key-file", new / "chatsieve.key", "--user", "user-1"),
    )
    _assert_modes(made, "new/chatsieve.key", "out/CURRENT", "what/what-if.json", "page.html")


_TWO_POLICIES = [
    argument
    for name in ("consumer-terms-2025-09-28", "consumer-terms-2025-09-28-strict")
    for argument in ("--policy", name)
]


def test_a_killed_convert_leaves_no_file(tmp_path: Path) -> None:
    """Its output has raw texts and ids, so a part of it must not remain where nobody looks for it."""
    pipe, output = tmp_path / "endless.jsonl", tmp_path / "out"
    output.mkdir()
    record = (
        '{"conversation_id": "c%d", "user_id": "u", "created_at": "2026-01-01T00:00:00Z", "messages": '
        '[{"message_id": "m", "role": "user", "sent_at": "2026-01-01T00:00:00Z", "content": "canary"}]}\n'
    )
    with pipe.open("w") as file:
        file.writelines(record % number for number in range(100_000))
    command = [str(COMMAND), "convert", str(pipe), "--output", str(output / "all.parquet")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while process.poll() is None and not _writes_into(process.pid, output):
        time.sleep(0.001)
    assert process.poll() is None, "it ended before it was killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(output.iterdir()) == []


def test_convert_works_where_every_file_has_a_name(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """macOS and some network file systems have no files without a name. A part of a killed command goes."""
    logs, limits = [str(corpus.path / "logs/*.gz")], Limits()
    expected = convert(logs, tmp_path / "one.parquet", None, Defaults(), limits)
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    (tmp_path / ".two.parquet.partial").write_text("canary")
    assert convert(logs, tmp_path / "two.parquet", None, Defaults(), limits) == expected
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    assert stat.S_IMODE((tmp_path / "two.parquet").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.parquet", "two.parquet"]


def _writes_into(process: int, folder: Path) -> bool:
    try:
        return any(str(folder) in str(each.readlink()) for each in Path(f"/proc/{process}/fd").iterdir())
    except OSError:
        return False


_HOLDS = """
import sys
from transforms.shuffle.temporary import temporary_folder
with temporary_folder() as folder:
    (folder / "blob").write_text("canary")
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_the_next_command_removes_what_a_killed_one_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folders for temporary files are shared and seldom emptied; a live process must keep its own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, "-c", _HOLDS]
    alive, killed = (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    )
    kept, left = (Path(process.stdout.readline().strip()) for process in (alive, killed))  # type: ignore[union-attr]
    foreign = tmp_path / f"{SPILL}of-another-program"
    foreign.mkdir(mode=0o755)
    killed.kill()
    killed.communicate()
    assert left.is_dir()
    done = subprocess.run([str(COMMAND), "policy", "list"], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (left.exists(), kept.is_dir(), foreign.is_dir()) == (False, True, True)
    alive.communicate()
    assert not kept.exists()


def test_a_folder_that_a_command_takes_for_abandoned_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between making and locking a folder, another command may remove it."""
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    flock, calls = fcntl.flock, []

    def late(descriptor: int, how: int) -> None:
        if how == fcntl.LOCK_SH and not calls:
            calls.append(how)
            remove_abandoned()
        flock(descriptor, how)

    monkeypatch.setattr("fcntl.flock", late)
    with temporary_folder() as folder:
        assert (len(calls), folder.is_dir()) == (1, True)
        remove_abandoned()
        assert folder.is_dir()
    assert list(tmp_path.iterdir()) == []
