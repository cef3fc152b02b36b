"""Claims: who is writing which version of a dataset. A claim is a lease that its holder renews.

The claim of version N is the object `claims/000N`. It decides nothing: only `CURRENT` makes a version count.
It keeps a second writer from doing a whole run's work in vain, and a writer whose claim was taken over from
committing. A claim is given up last: without one, nothing of a writer that died is left in the dataset.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
import secrets
import socket
import threading
from pathlib import Path

import msgspec

from pipeline.dataset.catalog import NO_FILE
from schemas.errors import BusyError, OutputError
from transforms.storage.contract import Conflict, Store, Unknown

LEASE = dt.timedelta(seconds=90)
#: No lease of another host ends later than this from now, whatever the clocks of two hosts differ by.
_LONGEST = dt.timedelta(hours=1)
_RENEW_SECONDS = 20.0
CLAIMS = "claims/"
_NUMBER = re.compile(r"[0-9]{4,9}\Z")


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


class Claim:
    """A claim that this process holds; a thread renews it until `release`."""

    def __init__(self, store: Store, version: int, holder: Holder, etag: str) -> None:
        self.version = version
        self.folder = holder.folder
        self._store, self._holder, self._etag = store, holder, etag
        self._ended = threading.Event()
        self._renewer = threading.Thread(target=self._renew, daemon=True)
        self._renewer.start()

    def release(self) -> None:
        """Gives the claim up. A claim that another writer took over in the meantime is left alone."""
        self.end()
        if self.is_held():
            self._store.remove(_name(self.version))

    def end(self) -> None:
        """Renews the claim no more: it lapses, and on this host it ends with the process."""
        self._ended.set()
        self._renewer.join()

    def is_of(self, holder: Holder) -> bool:
        """True for the holder that made this claim."""
        return holder.run == self._holder.run

    def is_held(self) -> bool:
        """False once another writer took the claim over, or somebody removed it; OSError."""
        return self._read() is not None

    def _read(self) -> str | None:
        """The etag of the claim as it is stored now; None if it is another's or there is none."""
        try:
            data, etag = self._store.read_tagged(_name(self.version))
            return etag if self.is_of(msgspec.json.decode(data, type=Holder)) else None
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _renew(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            held = msgspec.structs.replace(self._holder, until=_now() + LEASE)
            try:
                self._etag = self._store.replace(_name(self.version), msgspec.json.encode(held), self._etag)
            except (Conflict, OSError, Unknown):
                # The claim may be the renewed one although the answer was lost. Of a claim that was taken
                # over, the etag is no longer that of the stored one: it is never renewed again.
                with contextlib.suppress(OSError):
                    self._etag = self._read() or self._etag


def claim(store: Store, version: int, where: str) -> Claim:
    """The claim of a version; BusyError if another writer holds it. `where` names the dataset."""
    token = secrets.token_hex(3)
    holder = Holder(
        run=secrets.token_hex(8),
        folder=f"v{version:04d}-{token}",
        host=_host(),
        process=_process(os.getpid()),
        until=_now() + LEASE,
    )
    data = msgspec.json.encode(holder)
    if not store.create(_name(version), data):
        _take_over(store, version, data, where)
    _, etag = store.read_tagged(_name(version))
    return Claim(store, version, holder, etag)


def claims_of(store: Store, *versions: int) -> dict[int, Holder]:
    """All claims by version, dead ones too; those that cannot be read are left out.

    A listing may lag behind: the claims of `versions` are found without it.
    """
    found = {}
    for name in sorted({*store.names(CLAIMS), *map(_name, versions)}):
        number = name.removeprefix(CLAIMS)
        if _NUMBER.match(number):
            try:
                found[int(number)] = msgspec.json.decode(store.read(name), type=Holder)
            except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
                continue
            except OSError as error:
                if error.errno not in NO_FILE:
                    raise
    return found


def is_live(holder: Holder) -> bool:
    """True while the lease lasts; on the holder's own host also only while its process does.

    A process of this host that runs is believed whatever its lease: the clock may have been set back.
    """
    if holder.host == _host():
        return _is_running(holder.process) and _now() < holder.until
    return _now() < holder.until < _now() + _LONGEST


def remove_dead(store: Store, own: Claim) -> bool:
    """Removes the claims of writers that are gone, except for `own`; True while another writer lives."""
    is_claimed = False
    # Every other writer that has read the catalog since this claim was made claims one of these.
    for version, holder in claims_of(store, own.version, own.version + 1).items():
        if own.is_of(holder):
            continue
        if is_live(holder):
            is_claimed = True
        else:
            store.remove(_name(version))
    return is_claimed


def _take_over(store: Store, version: int, data: bytes, where: str) -> None:
    busy = BusyError(f"{where}: another run is writing version {version}; try again when it has ended")
    try:
        held, etag = store.read_tagged(_name(version))
        holder = msgspec.json.decode(held, type=Holder)
    except FileNotFoundError:
        raise busy from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_claim(where, version) from None
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        raise _no_claim(where, version) from None
    if is_live(holder):
        raise busy
    try:
        store.replace(_name(version), data, etag)
    except Conflict:
        raise busy from None


def _no_claim(where: str, version: int) -> OutputError:
    return OutputError(f"{where}/{_name(version)}: is not a claim of chatsieve; remove it")


def _name(version: int) -> str:
    return f"{CLAIMS}{version:04d}"


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
