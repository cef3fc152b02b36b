"""Leases: the claim of a version as it is stored, and the check that workers make before they write into it.

A job of a cluster may run on after its command is gone. It cannot commit, but what it writes would come back
after another command removed it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import socket
from pathlib import Path
from typing import NamedTuple

import msgspec

from schemas.errors import PipelineError
from transforms.storage.places import store_of

LEASE = dt.timedelta(seconds=90)
#: No lease of another host ends later than this from now, whatever the clocks of two hosts differ by.
_LONGEST = dt.timedelta(hours=1)
#: A worker goes on for so long after the lease has ended: its clock may be ahead.
_GRACE = dt.timedelta(seconds=60)
CLAIMS = "claims/"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds a claim, and until when (UTC).

    `host`: digest of the host's name, which may contain a person's name. `process`: id and start of the
    process, for its own host.
    """

    run: str
    folder: str
    host: str
    process: str
    until: dt.datetime


class Lease(NamedTuple):
    """The claim by which a run writes a version of the dataset at `path`."""

    path: str
    version: int
    run: str

    def check(self) -> None:
        """Raises PipelineError once the claim is another run's, was removed, or is no longer renewed.

        The claim is read at each call. OSError where it cannot be read.
        """
        try:
            holder = msgspec.json.decode(store_of(self.path).read(claim_name(self.version)), type=Holder)
        except (FileNotFoundError, msgspec.DecodeError):
            holder = None
        if holder is None or holder.run != self.run or _is_over(holder):
            raise PipelineError(
                f"the run lost its claim of version {self.version}: its command has ended, or another "
                "command took over; nothing more is written"
            )


def claim_name(version: int) -> str:
    """The name of a version's claim in the store of the dataset."""
    return f"{CLAIMS}{version:04d}"


def own_holder(run: str, folder: str) -> Holder:
    """A claim of this process that begins now."""
    return Holder(run=run, folder=folder, host=_host(), process=_process(os.getpid()), until=lease_end())


def lease_end() -> dt.datetime:
    """The end of a lease that begins now."""
    return _now() + LEASE


def is_live(holder: Holder) -> bool:
    """True while the lease lasts; on the holder's own host also only while its process does.

    A process of this host that runs is believed whatever its lease: the clock may have been set back.
    """
    if holder.host == _host():
        return _is_running(holder.process) and _now() < holder.until
    return _now() < holder.until < _now() + _LONGEST


def _is_over(holder: Holder) -> bool:
    """True if the holder renews its claim no more. One on this host that runs was only suspended."""
    lapsed = _now() > holder.until + _GRACE
    return lapsed and not (holder.host == _host() and _is_running(holder.process))


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:16]


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _process(pid: int) -> str:
    """The id of a process and, where the system tells it, its start in clock ticks since boot."""
    fields = _status(pid)
    return f"{pid}@{fields[19]}" if fields else f"{pid}@"


def _is_running(process: str) -> bool:
    pid, _, start = process.partition("@")
    if not pid.isdigit():
        return True
    if start:
        fields = _status(int(pid))
        return fields != [] and fields[0] != "Z" and fields[19] == start
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _status(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on; none where there is no such process, or no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
