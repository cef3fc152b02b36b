"""Claims: who is writing which version of a dataset. A claim is a lease that its holder renews.

The claim of version N is the object `claims/000N`. It decides nothing: only `CURRENT` makes a version count.
It keeps a second writer from doing a whole run's work in vain, and a writer whose claim was taken over from
committing. A claim is given up last: without one, nothing of a writer that died is left in the dataset.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import threading
from pathlib import PurePath

import msgspec

from pipeline.dataset.catalog import NO_FILE, read_catalog
from schemas.errors import BusyError, InputError, OutputError
from transforms.storage.contract import Conflict, Store, Unknown
from transforms.storage.leases import CLAIMS, Holder, Lease, claim_name, is_live, lease_end, own_holder
from transforms.storage.places import store_of

_RENEW_SECONDS = 20.0
_NUMBER = re.compile(r"[0-9]{4,9}\Z")


class Claim:
    """A claim that this process holds; a thread renews it until `release`."""

    def __init__(self, store: Store, version: int, holder: Holder, etag: str) -> None:
        self.version = version
        self.folder = holder.folder
        self._store, self._holder, self._etag = store, holder, etag
        self._ended = threading.Event()
        self._renewer = threading.Thread(target=self._renew, daemon=True)
        self._renewer.start()

    @property
    def lease(self) -> Lease:
        """What workers check before they write."""
        return Lease(self._store.url, self.version, self._holder.run)

    def release(self) -> None:
        """Gives the claim up. A claim that another writer took over in the meantime is left alone."""
        self.end()
        if self.is_held():
            self._store.remove(claim_name(self.version))

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
            data, etag = self._store.read_tagged(claim_name(self.version))
            return etag if self.is_of(msgspec.json.decode(data, type=Holder)) else None
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def _renew(self) -> None:
        while not self._ended.wait(_RENEW_SECONDS):
            held = msgspec.structs.replace(self._holder, until=lease_end())
            try:
                self._etag = self._store.replace(
                    claim_name(self.version), msgspec.json.encode(held), self._etag
                )
            except (Conflict, OSError, Unknown):
                # The claim may be the renewed one although the answer was lost. Of a claim that was taken
                # over, the etag is no longer that of the stored one: it is never renewed again.
                with contextlib.suppress(OSError):
                    self._etag = self._read() or self._etag


def claim(store: Store, version: int, where: str) -> Claim:
    """The claim of a version; BusyError if another writer holds it. `where` names the dataset."""
    token = secrets.token_hex(3)
    holder = own_holder(secrets.token_hex(8), f"v{version:04d}-{token}")
    data = msgspec.json.encode(holder)
    if not store.create(claim_name(version), data):
        _take_over(store, version, data, where)
    _, etag = store.read_tagged(claim_name(version))
    return Claim(store, version, holder, etag)


def claims_of(store: Store, *versions: int) -> dict[int, Holder]:
    """All claims by version, dead ones too; those that cannot be read are left out.

    A listing may lag behind: the claims of `versions` are found without it.
    """
    found = {}
    for name in sorted({*store.names(CLAIMS), *map(claim_name, versions)}):
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
            store.remove(claim_name(version))
    return is_claimed


def writer_of(where: PurePath) -> str | None:
    """Who is writing the next version of a dataset at this moment, as part of an error; None for nobody.

    Also None where the dataset cannot be read: the command that claims it reports why.
    """
    store = store_of(where)
    try:
        read = read_catalog(store, str(where))
        version = read.catalog.version + 1 if read else 1
        holder = msgspec.json.decode(store.read(claim_name(version)), type=Holder)
    except (OSError, InputError, msgspec.DecodeError, UnicodeDecodeError):
        return None
    return _writing(version) if is_live(holder) else None


def _writing(version: int) -> str:
    return f"another command is writing version {version}"


def _take_over(store: Store, version: int, data: bytes, where: str) -> None:
    later = "nothing was written, try again later"
    try:
        held, etag = store.read_tagged(claim_name(version))
        holder = msgspec.json.decode(held, type=Holder)
    except FileNotFoundError:
        raise BusyError(f"{where}: another command wrote version {version} until now; {later}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _no_claim(where, version) from None
    except OSError as error:
        if error.errno not in NO_FILE:
            raise
        raise _no_claim(where, version) from None
    if is_live(holder):
        until = f"{holder.until:%Y-%m-%dT%H:%M:%SZ}"
        raise BusyError(
            f"{where}: {_writing(version)}; its claim lasts until {until} unless it is renewed; {later}"
        )
    try:
        store.replace(claim_name(version), data, etag)
    except Conflict:
        raise BusyError(f"{where}: another command began version {version} at this moment; {later}") from None


def _no_claim(where: str, version: int) -> OutputError:
    return OutputError(f"{where}/{claim_name(version)}: is not a claim of chatsieve; remove it")
