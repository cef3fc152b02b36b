"""A private folder for the Unix sockets of one run.

The folder has mode 0700: only processes of the same user can connect to a socket in it. No other machine can.
"""

from __future__ import annotations

import contextlib
import re
import socket
import tempfile
from collections.abc import Iterator

from schemas.errors import PipelineError
from transforms.shuffle.temporary import SOCKETS, remove_abandoned, temporary_folder

_FALLBACKS = ("/tmp", "/var/tmp", "/dev/shm")  # noqa: S108 - the folder below is private
_SOCKET = "s"
#: gRPC decodes the path of a socket as a URI, so other characters are avoided.
_PLAIN = re.compile(r"/[A-Za-z0-9/._+-]*")


@contextlib.contextmanager
def socket_folder() -> Iterator[str]:
    """The path for a socket, in a new folder that is removed at the end.

    The folder is below TMPDIR. If the path of TMPDIR is too long for a socket, or its file system has no
    sockets, the folder is below `/tmp`, `/var/tmp` or `/dev/shm`. PipelineError if none of them can be used.
    """
    for parent in (tempfile.gettempdir(), *_FALLBACKS):
        remove_abandoned(SOCKETS, parent)
        with contextlib.ExitStack() as stack:
            path = _socket_below(parent, stack)
            if path is not None:
                yield path
                return
    raise PipelineError(
        "no folder for the sockets of the worker processes; set TMPDIR to a writable local folder "
        "with a path of at most 70 letters, digits or ._+-"
    )


def _socket_below(parent: str, stack: contextlib.ExitStack) -> str | None:
    """The path for a socket in a new folder below `parent`; None if no socket can be made there."""
    if not _PLAIN.fullmatch(parent):
        return None
    try:
        path = stack.enter_context(temporary_folder(SOCKETS, parent)) / _SOCKET
        with socket.socket(socket.AF_UNIX) as probe:
            probe.bind(str(path))
        path.unlink()
    except OSError:
        return None
    return str(path)
