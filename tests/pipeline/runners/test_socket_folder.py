"""The folder of the socket: private, short enough for a socket, and removed after killed runs too."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from apache_beam.runners.portability.fn_api_runner import worker_handlers

from pipeline.runners import socket_folder as module
from pipeline.runners.socket_folder import socket_folder
from pipeline.runners.socket_server import SocketServer
from schemas.errors import PipelineError

_HOLD = """
import sys, time
from pipeline.runners.socket_folder import socket_folder
with socket_folder() as path:
    print(path, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A short TMPDIR of the test's own, and no other folder to fall back to."""
    with tempfile.TemporaryDirectory() as made:
        monkeypatch.setattr(tempfile, "tempdir", made)
        monkeypatch.setattr(module, "_FALLBACKS", ())
        yield Path(made)


def _bind(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_folder_is_private_whatever_the_umask(temporary: Path, umask: int) -> None:
    """Whoever can enter the folder can connect, whatever the mode of the socket."""
    before = os.umask(umask)
    try:
        with socket_folder() as path:
            _bind(path)
            folder = Path(path).parent
            assert folder.parent == temporary
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    finally:
        os.umask(before)


def test_the_folder_is_removed_at_the_end(temporary: Path) -> None:
    """Also if the run fails while the socket is there."""
    with contextlib.suppress(KeyError), socket_folder() as path:
        _bind(path)
        raise KeyError
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "is_used"),
    [
        ("plain-_.+1", True),
        ("white space", False),
        ("per%20cent", False),
        ("hash#", False),
        ("question?", False),
        ("ümlaut", False),
        ("much/" + "longer" * 16, False),
        ("absent", False),
    ],
)
def test_another_folder_is_taken_if_a_socket_cannot_be_made_in_tmpdir(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_used: bool
) -> None:
    """Batch systems set TMPDIR to long paths; the address of a socket has at most 107 bytes and is a URI."""
    odd, other = temporary / name, temporary / "other"
    other.mkdir()
    if name != "absent":
        odd.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    monkeypatch.setattr(module, "_FALLBACKS", (str(other),))
    with socket_folder() as path:
        _bind(path)
        assert Path(path).parent.parent == (odd if is_used else other)
    assert list(temporary.rglob("chatsieve-sockets-*")) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of other systems differs")
@pytest.mark.parametrize(("length", "is_used"), [(78, True), (79, False)])
def test_the_longest_tmpdir_for_a_socket(
    temporary: Path, monkeypatch: pytest.MonkeyPatch, length: int, is_used: bool
) -> None:
    """docs/reference/operations.md names the limit, and the server itself must be able to use the path."""
    longest = temporary / ("x" * (length - len(str(temporary)) - 1))
    longest.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(longest))
    monkeypatch.setattr(module, "_FALLBACKS", (str(temporary),))
    with socket_folder() as path:
        assert Path(path).parent.parent == (longest if is_used else temporary)
        server = SocketServer(path, worker_handlers.StateServicer(), None)
        with grpc.insecure_channel(server.address) as channel:
            grpc.channel_ready_future(channel).result(timeout=600)
        server.close()
        assert not Path(path).exists()


def test_the_run_fails_with_one_line_if_no_folder_can_be_used(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A traceback of gRPC would not name TMPDIR."""
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "absent"))
    with pytest.raises(PipelineError, match=r"^no folder for the sockets .*; set TMPDIR"):
        socket_folder().__enter__()


def _hold() -> tuple[subprocess.Popen[str], Path]:
    """A process that holds a socket folder until its input ends, and the folder."""
    environment = {**os.environ, "TMPDIR": tempfile.gettempdir()}
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip()).parent


def test_the_next_run_removes_the_folder_of_a_killed_run_and_no_other(temporary: Path) -> None:
    """The folder of a run in progress has a lock; one with another mode was made by another program."""
    (temporary / "chatsieve-sockets-of-another-mode").mkdir()
    (temporary / "of-another-program").mkdir()
    killed, left = _hold()
    running, held = _hold()
    with killed, running:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert left.parent == held.parent == temporary
        assert left.is_dir()
        with socket_folder() as path:
            assert {each.name for each in temporary.iterdir()} == {
                "chatsieve-sockets-of-another-mode",
                "of-another-program",
                held.name,
                Path(path).parent.name,
            }
        assert running.stdin is not None
        running.stdin.close()
    assert not held.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a folder of another user")
def test_a_folder_of_another_user_is_left(temporary: Path) -> None:
    """In a shared TMPDIR anyone can make a folder of this name, or a link to a folder of this user."""
    killed, left = _hold()
    with killed:
        killed.kill()
    os.chown(left, 65534, 65534)
    with socket_folder():
        assert left.is_dir()
    os.chown(left, os.geteuid(), os.getegid())
    elsewhere = temporary / "elsewhere"
    shutil.move(left, elsewhere)
    left.symlink_to(elsewhere)
    with socket_folder():
        assert elsewhere.is_dir()
