"""What running processes listen on, read from `/proc` (Linux)."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

#: Of `/proc/net`: TCP sockets that listen, UDP sockets that are bound and not connected.
_NETWORK = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}
_UNIX_LISTENS = 1 << 16
NOBODY = 65534
_AS_NOBODY = f"""
import os, socket, sys
os.setgroups([])
os.setgid({NOBODY})
os.setuid({NOBODY})
os.chdir("/")
try:
    if sys.argv[1] == "read":
        open(sys.argv[2], "rb").read(1)
    else:
        socket.socket(socket.AF_UNIX).connect(sys.argv[2])
    print("done")
except OSError as error:
    print(type(error).__name__)
"""


def family(process: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text(errors="replace")
            except OSError:
                continue
            children.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(folder.name))
    found = [process]
    for each in found:
        found += children.get(each, [])
    return found


def network_listeners(processes: Iterable[int]) -> set[str]:
    """The protocol and port of each network socket on which others can reach the processes."""
    inodes = _sockets_of(processes)
    found = set()
    for protocol, state in _NETWORK.items():
        for fields in _rows(protocol):
            if fields[3] == state and fields[9] in inodes:
                found.add(f"{protocol}:{int(fields[1].rpartition(':')[2], 16)}")
    return found


def unix_listeners(processes: Iterable[int]) -> set[str]:
    """The paths of the Unix sockets on which the processes listen; abstract ones begin with @."""
    inodes = _sockets_of(processes)
    return {
        fields[7] if len(fields) > 7 else ""
        for fields in _rows("unix")
        if int(fields[3], 16) & _UNIX_LISTENS and fields[6] in inodes
    }


def own_address() -> str | None:
    """An address of this machine that is no loopback address; None if it has no network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            # Selects a route; no packet is sent. The address is one of those reserved for documentation.
            probe.connect(("198.51.100.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def as_nobody(action: str, path: str) -> str:
    """What happens if another user does `read` or `connect`: `done`, or the class of the error. Root only."""
    command = [sys.executable, "-I", "-S", "-c", _AS_NOBODY, action, path]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _sockets_of(processes: Iterable[int]) -> set[str]:
    """The inodes of all sockets that the processes have open; those that ended have none."""
    inodes = set()
    for process in processes:
        with contextlib.suppress(OSError):
            for name in Path(f"/proc/{process}/fd").iterdir():
                with contextlib.suppress(OSError):
                    inodes.add(str(name.readlink()).removeprefix("socket:[").removesuffix("]"))
    return inodes


def _rows(table: str) -> Iterator[list[str]]:
    path = Path("/proc/net", table)
    if path.exists():
        yield from (line.split() for line in path.read_text().splitlines()[1:])
