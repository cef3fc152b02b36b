"""Hosts of their own on this machine: a store, a coordinator and workers, which share nothing but a network.

Each host has its own network, processes and files. The network joins them and leads nowhere else; its
addresses are reserved for documentation. Coordinator and workers see, read-only, the system's programs,
Python with the installed packages, and the code of chatsieve. Each writes into memory of its own, below /tmp.
Everything is gone when the hosts end.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.cluster.empty_root import check_possible

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipeline", "schemas", "transforms")
_PYTHON = Path(os.path.realpath(sys.executable))
_DEVICES = ("null", "zero", "full", "random", "urandom")
_NETWORK = "192.0.2"


class Host(NamedTuple):
    """A host: the process that keeps it, and its address."""

    process: int
    address: str

    def started(
        self, command: Sequence[str], environment: Mapping[str, str], **more: int
    ) -> subprocess.Popen[str]:
        """A process on the host, which has these variables and no others of this machine; see `end`."""
        return subprocess.Popen(
            [*self._entered("--mount", "--net", "--pid", "--root", "--wd"), *command],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": "/code:/packages", "HOME": "/tmp", **environment},  # noqa: S108
            stdin=subprocess.DEVNULL,
            text=True,
            **more,  # type: ignore[call-overload]
        )

    def on_network(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a program of this machine to its end, on the network of the host."""
        return subprocess.run([*self._entered("--net"), *command], check=True, capture_output=True, text=True)

    def _entered(self, *namespaces: str) -> list[str]:
        return ["nsenter", "--target", str(self.process), *namespaces, "--"]

    def await_port(self, port: int, process: subprocess.Popen[str]) -> None:
        """Returns when the process listens on the port of the host; fails if it ends before."""
        while not self.on_network("ss", "-Hltn", f"sport = :{port}").stdout:
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise AssertionError(f"{process.args!r} ended with {process.wait(timeout=0.05)}")

    def written(self) -> dict[str, bytes]:
        """The content of every file that was written on the host and is still there, by path."""
        top = Path(f"/proc/{self.process}/root")
        return {
            str(path.relative_to(top)): path.read_bytes()
            for folder in ("tmp", "dev/shm")
            for path in sorted((top / folder).rglob("*"))
            if path.is_file()
        }

    @contextlib.contextmanager
    def destinations(self) -> Iterator[set[tuple[str, int, int]]]:
        """The address, protocol and port of what the host sends during the block, complete at its end.

        Answers to connections that another host opened, and ARP, are left out.
        """
        recorder = _Recorder(self.process)
        try:
            yield recorder.found
        finally:
            recorder.close()


def end(process: subprocess.Popen[str], number: signal.Signals = signal.SIGKILL) -> None:
    """Sends a signal to a process that was started on a host: it is the child of the one that entered it."""
    for child in _children(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)


def _children(process: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]
    except OSError:
        return []


def python(module: str, *arguments: str) -> list[str]:
    """The command of a module of chatsieve on a host."""
    return [str(_PYTHON), "-P", "-m", module, *arguments]


class _Recorder:
    """Notes where each packet that leaves a host goes."""

    def __init__(self, process: int) -> None:
        self.found: set[tuple[str, int, int]] = set()
        opened: list[socket.socket] = []

        def enter() -> None:  # a thread can be on another network than its process
            with Path(f"/proc/{process}/ns/net").open() as network:
                os.setns(network.fileno(), os.CLONE_NEWNET)
            opened.append(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL)))

        entering = threading.Thread(target=enter)
        entering.start()
        entering.join()
        (self._socket,) = opened
        self._socket.settimeout(0.2)
        self._is_over = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def close(self) -> None:
        self._is_over = True
        self._reader.join()
        self._socket.close()

    def _read(self) -> None:
        while not self._is_over:
            with contextlib.suppress(TimeoutError):
                packet, (interface, kind, direction, *_) = self._socket.recvfrom(128)
                if direction == socket.PACKET_OUTGOING and interface != "lo":
                    self._note(kind, packet)

    def _note(self, kind: int, packet: bytes) -> None:
        if kind == _ETH_P_IP:
            start = 4 * (packet[0] & 15)
            protocol, port = packet[9], int.from_bytes(packet[start + 2 : start + 4])
            flags = packet[start + 13] if protocol == socket.IPPROTO_TCP else _SYN
            if flags & (_SYN | _ACK) == _SYN:
                self.found.add((socket.inet_ntoa(packet[16:20]), protocol, port))
        elif kind != _ETH_P_ARP:
            self.found.add((f"ethernet {kind:#x}", 0, 0))


_ETH_P_ALL, _ETH_P_IP, _ETH_P_ARP = 3, 0x800, 0x806
_SYN, _ACK = 2, 16


@contextlib.contextmanager
def hosts(
    folder: Path, workers: Mapping[str, Path], config: Path, programs: Mapping[str, Path]
) -> Iterator[dict[str, Host]]:
    """The hosts by name: `store`, `coordinator`, and those of `workers`, each with its folder of packages.

    `config`: a folder that the coordinator alone sees, at /config. `programs`: what it has in /programs.
    `folder`: an empty one for mounts.
    """
    check_possible()
    own = {f"/programs/{name}": path.resolve() for name, path in programs.items()}
    seen: dict[str, dict[str, Path] | None] = {"store": None}
    seen["coordinator"] = {**_seen(ROOT), "/config": config, **own}
    seen |= {name: _seen(code) for name, code in workers.items()}
    with contextlib.ExitStack() as stack:
        found = {
            name: stack.enter_context(_host(folder / name, files, f"{_NETWORK}.{number}"))
            for number, (name, files) in enumerate(seen.items(), 1)
        }
        _connect(found)
        yield found


def _seen(code: Path) -> dict[str, Path]:
    """What a host sees of this machine, by its place there."""
    prefix = Path(sys.base_prefix)
    seen = {"/usr": Path("/usr"), "/etc/ssl": Path("/etc/ssl")}
    if not prefix.is_relative_to("/usr"):
        seen[str(prefix)] = prefix
    seen["/packages"] = Path(sysconfig.get_path("purelib"))
    return {**seen, **{f"/code/{name}": code / name for name in PACKAGES}}


@contextlib.contextmanager
def _host(root: Path, seen: Mapping[str, Path] | None, address: str) -> Iterator[Host]:
    """A host that sees these files of this machine; all of them if there are none."""
    root.mkdir(parents=True)
    unshare = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
    lines = ["set -e", "ip link set lo up", "mount --make-rprivate /"]
    lines += ["exec 3>&1 >/dev/null", *(_mounts(root, seen) if seen else [])]
    keep = f"chroot {root}" if seen else ""
    lines.append(f"echo ready >&3; exec 3>&-; exec {keep} sleep infinity")
    command = [*unshare, "/bin/sh", "-c", "\n".join(lines)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise AssertionError(f"the host {address} did not start: {process.communicate()[1]}")
            yield Host(_children(process.pid)[0], address)
        finally:
            process.kill()


def _mounts(root: Path, seen: Mapping[str, Path]) -> list[str]:
    """The shell commands that fill a root: nothing in it can be written but /tmp and /dev/shm."""
    lines = [f"mount -t tmpfs -o mode=755 tmpfs {root}", f"cd {root}", "mkdir dev etc proc tmp"]
    lines.append("echo '127.0.0.1 localhost' >etc/hosts; echo root:x:0:0:root:/tmp:/bin/sh >etc/passwd")
    for name in ("bin", "sbin", "lib", "lib64"):
        if Path("/", name).is_symlink():
            lines.append(f"ln -s usr/{name} {name}")
        elif Path("/", name).is_dir():
            lines.append(f"mkdir {name}; mount --bind -o ro /{name} {name}")
    for place, path in seen.items():
        target = place.lstrip("/")
        make = f"mkdir -p {target}" if path.is_dir() else f"mkdir -p {Path(target).parent}; touch {target}"
        lines.append(f"{make}; mount --bind -o ro {path} {target}")
    lines.append("mount -t proc proc proc; mkdir dev/shm")
    lines += [f"touch dev/{name}; mount --bind /dev/{name} dev/{name}" for name in _DEVICES]
    lines += [f"mount -t tmpfs -o mode=1777 tmpfs {place}" for place in ("tmp", "dev/shm")]
    return [*lines, f"mount -o remount,ro {root}", "cd /"]


def _connect(found: Mapping[str, Host]) -> None:
    """Joins the hosts by a bridge on the store's network. No host has a route to anything else."""
    store = found["store"]
    store.on_network("ip", "link", "add", "hub", "type", "bridge")
    store.on_network("ip", "addr", "add", f"{store.address}/24", "dev", "hub")
    for name, host in found.items():
        if host is store:
            continue
        link = ["ip", "link", "add", name, "type", "veth", "peer", "name", "eth0"]
        store.on_network(*link, "netns", str(host.process))
        store.on_network("ip", "link", "set", name, "master", "hub", "up")
        # IPv6 would announce itself to all: only what the programs send is to be seen.
        host.on_network("ip", "link", "set", "eth0", "addrgenmode", "none")
        host.on_network("ip", "addr", "add", f"{host.address}/24", "dev", "eth0")
        host.on_network("ip", "link", "set", "eth0", "up")
    store.on_network("ip", "link", "set", "hub", "up")
