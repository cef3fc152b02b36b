"""Prism, Beam's runner in Go, in a network of its own, reached over a Unix socket only.

Prism listens on all network interfaces and has no option against it. So it is started in a new network
namespace, in which there is no interface but loopback, and no other process. Connections to the Unix socket
are passed on to Prism's port there.

Arguments: the program, the path of the socket, and `private` or `open`. Standard input: nothing; its end ends
Prism and this process. Standard output: a line "ready" when connections are accepted. The last line of
standard error says why Prism could not be started.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import fcntl
import functools
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from typing import TextIO

#: In its own network every port is free.
_PORT = 8073
_START_SECONDS = 30
_PIECE_BYTES = 1 << 18
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1
_PR_SET_PDEATHSIG = 1
#: The exit code where the system gives this process no network of its own.
NO_NAMESPACE = 9


def main() -> None:
    """Runs Prism until it ends, or until standard input does."""
    program, path, kind = sys.argv[1:]
    port = _free_port() if kind == "open" else _PORT
    if kind != "open":
        try:
            _enter_own_network()
        except OSError as error:
            _say(sys.stderr, error.strerror or "no reason given")
            sys.exit(NO_NAMESPACE)
    asyncio.run(_serve(program, path, port))


def _say(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


def _enter_own_network() -> None:
    """A network namespace with loopback alone; as a user without rights, in a user namespace of its own."""
    user, group = os.getuid(), os.getgid()
    try:
        os.unshare(os.CLONE_NEWNET)
    except PermissionError:
        os.unshare(os.CLONE_NEWUSER | os.CLONE_NEWNET)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh", b"lo", 0)
        flags = struct.unpack("16sh", fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh", b"lo", flags | _IFF_UP))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


async def _serve(program: str, path: str, port: int) -> None:
    command = [program, f"-job_port={port}", "-serve_http=false", "-log_level=error"]
    # Its log may hold data: an error of a worker has a traceback.
    nothing = subprocess.DEVNULL
    prism = await asyncio.create_subprocess_exec(
        *command, stdin=nothing, stdout=nothing, stderr=nothing, preexec_fn=_end_with_parent
    )
    ended = asyncio.create_task(prism.wait())
    code = await _relay(ended, path, port)
    with contextlib.suppress(ProcessLookupError):
        prism.kill()
    await prism.wait()
    # Connections may still be open; to close them one by one is of no use.
    os._exit(code)


async def _relay(ended: asyncio.Task[int], path: str, port: int) -> int:
    """Passes connections on until Prism or standard input ends; gives the exit code."""
    if not await _is_listening(port, ended):
        _say(sys.stderr, f"it did not listen within {_START_SECONDS} seconds")
        return 1
    await asyncio.start_unix_server(functools.partial(_pass_on, port), path)
    _say(sys.stdout, "ready")
    parent = asyncio.create_task(_parent_ends())
    await asyncio.wait([ended, parent], return_when=asyncio.FIRST_COMPLETED)
    if parent.done():
        return 0
    _say(sys.stderr, f"it ended with exit code {ended.result()}")
    return 1


async def _is_listening(port: int, ended: asyncio.Task[int]) -> bool:
    for _ in range(_START_SECONDS * 20):
        if ended.done():
            return False
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return True
    return False


async def _parent_ends() -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    while await reader.read(1):
        pass


async def _pass_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        theirs = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, theirs[1]), _copy(theirs[0], writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(_PIECE_BYTES):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.close()


if __name__ == "__main__":
    main()
