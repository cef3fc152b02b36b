"""While a run with two workers is in progress, no other user and no other machine can connect to it."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import select
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
from apache_beam.portability.api import (
    beam_artifact_api_pb2,
    beam_artifact_api_pb2_grpc,
    beam_provision_api_pb2,
    beam_provision_api_pb2_grpc,
    beam_runner_api_pb2,
)

from tests.support.command import COMMAND, TWO_WORKERS, Corpus, chatsieve, current
from tests.support.listeners import as_nobody, family, network_listeners, own_address, unix_listeners

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.faults,
    pytest.mark.skipif(not Path("/proc/net/unix").exists(), reason="reads sockets from /proc"),
]
_AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
_TIMEOUT = 600


@dataclasses.dataclass
class _Watched:
    """One run, and what was observed from its start to its end."""

    out: Path
    temporary: Path
    times: int = 0
    network: set[str] = dataclasses.field(default_factory=set)
    sockets: set[str] = dataclasses.field(default_factory=set)
    mode: int | None = None
    workers: list[int] = dataclasses.field(default_factory=list)
    as_nobody: dict[str, str] = dataclasses.field(default_factory=dict)
    codes: dict[str, grpc.StatusCode] = dataclasses.field(default_factory=dict)
    command_lines: str = ""
    exit_code: int | None = None
    stderr: str = ""


@contextlib.contextmanager
def _temporary_folder() -> Iterator[Path]:
    """A folder that every user can reach; those of pytest have mode 0700."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o1777)
        yield Path(made)


def _start(corpus: Corpus, command: str, out: Path, temporary: Path) -> subprocess.Popen[str]:
    # A proxy of the environment must not come between the workers and the run.
    variables = {**os.environ, "TMPDIR": str(temporary), "http_proxy": "http://127.0.0.1:9"}
    arguments = [command, "-c", str(corpus.config), "--output", str(out), *TWO_WORKERS]
    return subprocess.Popen(
        [str(COMMAND), *arguments], env=variables, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def _runs(process: subprocess.Popen[str]) -> bool:
    """False as soon as the process has ended; True shortly after the call if it has not."""
    try:
        process.wait(timeout=0.02)
    except subprocess.TimeoutExpired:
        return True
    return False


def _workers(process: subprocess.Popen[str]) -> list[int]:
    return [each for each in family(process.pid) if "worker_main" in _read(f"/proc/{each}/cmdline")]


def _read(path: str) -> str:
    try:
        return Path(path).read_text(errors="replace").replace("\0", " ")
    except OSError:
        return ""


@pytest.fixture(scope="module")
def watched(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Watched]:
    """A run with two workers, observed until it ends and attacked when both workers are connected."""
    with _temporary_folder() as temporary:
        seen = _Watched(tmp_path_factory.mktemp("watched") / "out", temporary)
        with _start(corpus, "run", seen.out, temporary) as process:
            while _runs(process):
                _observe(process, seen)
                if len(seen.workers) == 2 and not seen.codes:
                    _attack(process, seen)
            assert process.stderr is not None
            seen.exit_code, seen.stderr = process.returncode, process.stderr.read()
        yield seen


def _observe(process: subprocess.Popen[str], seen: _Watched) -> None:
    processes = family(process.pid)
    seen.times += 1
    seen.network |= network_listeners(processes)
    seen.sockets |= unix_listeners(processes)
    if seen.sockets and not seen.workers:
        workers = _workers(process)
        seen.workers = workers if len(workers) == 2 else []


def _attack(process: subprocess.Popen[str], seen: _Watched) -> None:
    """Everything that another user could do, while stopped workers keep the run from ending."""
    (path,) = seen.sockets
    for worker in seen.workers:
        os.kill(worker, signal.SIGSTOP)
    seen.mode = stat.S_IMODE(Path(path).parent.stat().st_mode)
    seen.command_lines = "".join(_read(f"/proc/{each}/cmdline") for each in family(process.pid))
    if os.geteuid() == 0:
        seen.as_nobody["socket"] = as_nobody("connect", path)
        seen.as_nobody["environment"] = as_nobody("read", f"/proc/{seen.workers[0]}/environ")
    with grpc.insecure_channel(f"unix:{path}") as channel:
        seen.codes = _codes(channel)
    assert process.poll() is None
    for worker in seen.workers:
        os.kill(worker, signal.SIGCONT)


def _codes(channel: grpc.Channel) -> dict[str, grpc.StatusCode]:
    """How the services that Beam's own server has beside those for workers answer a user who may connect."""
    artifacts = beam_artifact_api_pb2_grpc.ArtifactRetrievalServiceStub(channel)
    artifact = beam_runner_api_pb2.ArtifactInformation(
        type_urn="beam:artifact:type:file:v1",
        type_payload=beam_runner_api_pb2.ArtifactFilePayload(path="/etc/hostname").SerializeToString(),
    )
    provision = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
    calls = {
        "artifact": lambda: list(
            artifacts.GetArtifact(
                beam_artifact_api_pb2.GetArtifactRequest(artifact=artifact), timeout=_TIMEOUT
            )
        ),
        "provision": lambda: provision.GetProvisionInfo(
            beam_provision_api_pb2.GetProvisionInfoRequest(),
            timeout=_TIMEOUT,
            metadata=(("worker_id", "worker_0"),),
        ),
    }
    codes = {}
    for name, call in calls.items():
        try:
            call()
            codes[name] = grpc.StatusCode.OK
        except grpc.RpcError as error:
            codes[name] = error.code()
    return codes


def test_a_run_listens_on_no_network(watched: _Watched) -> None:
    """Beam's server reads any file of the user, and whoever reaches a port can ask it."""
    assert watched.exit_code == 0, watched.stderr
    assert watched.times > 10
    assert watched.network == set()


def test_the_only_socket_is_in_a_private_folder(watched: _Watched) -> None:
    """One socket is enough for all services, and an abstract one would be open to every user."""
    (path,) = watched.sockets
    assert Path(path).parent.parent == watched.temporary
    assert watched.mode == 0o700


@_AS_ROOT
def test_another_user_cannot_connect(watched: _Watched) -> None:
    """Over the socket go keyed facts and masked texts, and the key of the run."""
    assert watched.as_nobody == {"socket": "PermissionError", "environment": "PermissionError"}


def test_the_server_has_no_service_that_workers_do_not_use(watched: _Watched) -> None:
    """What serves files must not be there at all, not even for the same user."""
    unimplemented = grpc.StatusCode.UNIMPLEMENTED
    assert watched.codes == {"artifact": unimplemented, "provision": unimplemented}


def test_no_command_line_has_the_key(watched: _Watched, corpus: Corpus) -> None:
    """Every user can list the command lines of all processes."""
    assert watched.command_lines.count("worker_main") == 2
    assert (corpus.path / "chatsieve.key").read_text().strip() not in watched.command_lines


def test_nothing_temporary_is_left(watched: _Watched) -> None:
    """Folders in TMPDIR would add up over the years."""
    assert list(watched.temporary.iterdir()) == []


def test_the_shards_and_the_ledger_equal_those_of_one_worker(
    watched: _Watched, corpus: Corpus, tmp_path: Path
) -> None:
    """Batches that pass through a socket must arrive whole and in order."""
    done = chatsieve("run", "-c", corpus.config, "--output", tmp_path / "one")
    assert done.returncode == 0, done.stderr
    two, one = current(watched.out), current(tmp_path / "one")
    files = sorted(
        path.relative_to(two) for folder in ("data", "ledger") for path in (two / folder).iterdir()
    )
    assert len(files) > 2
    assert [(two / file).read_bytes() for file in files] == [(one / file).read_bytes() for file in files]


_LISTENER = """
import socket, sys
with socket.socket(socket.AF_INET) as all, socket.socket(socket.AF_INET) as own, \\
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams, socket.socket(socket.AF_UNIX) as local:
    for each in (all, datagrams):
        each.bind(("0.0.0.0", 0))
    own.bind(("127.0.0.1", 0))
    local.bind(sys.argv[1])
    for each in (all, own, local):
        each.listen()
    print(*(each.getsockname()[1] for each in (all, own, datagrams)), flush=True)
    sys.stdin.read()
"""


def test_the_observation_finds_every_kind_of_listener() -> None:
    """The tests above must fail if a process of the run listens: on all addresses, on one, or on a socket."""
    with _temporary_folder() as folder:
        path = str(folder / "open")
        command = [sys.executable, "-c", _LISTENER, path]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            open_to_all, own, datagrams = process.stdout.readline().split()
            processes = family(os.getpid())
            assert process.pid in processes
            found = network_listeners(processes)
            assert {f"tcp:{open_to_all}", f"tcp:{own}", f"udp:{datagrams}"} <= found
            assert path in unix_listeners([process.pid])
            address = own_address()
            if address is not None:
                socket.create_connection((address, int(open_to_all)), timeout=_TIMEOUT).close()
                with pytest.raises(ConnectionRefusedError):
                    socket.create_connection((address, int(own)), timeout=_TIMEOUT)
            if os.geteuid() == 0:
                Path(path).chmod(0o777)
                assert as_nobody("connect", path) == "done"
            process.stdin.close()


def test_workers_end_when_the_run_is_killed_and_the_next_run_removes_its_socket(
    corpus: Corpus, tmp_path: Path
) -> None:
    """Orphans would go on reading; folders of killed runs would add up."""
    with _temporary_folder() as temporary:
        process = _start(corpus, "audit", tmp_path / "out", temporary)
        workers: list[int] = []
        while len(workers) < 2:
            assert _runs(process)
            workers = _workers(process)
        ended = [os.pidfd_open(worker) for worker in workers]
        process.kill()
        process.communicate()
        for worker in ended:
            # Readable when the process has ended.
            assert select.select([worker], [], [], _TIMEOUT)[0]
            os.close(worker)
        assert len(list(temporary.glob("chatsieve-sockets-*"))) == 1
        with _start(corpus, "audit", tmp_path / "out", temporary) as again:
            assert again.wait(_TIMEOUT) == 0
        assert not list(temporary.glob("chatsieve-sockets-*"))
