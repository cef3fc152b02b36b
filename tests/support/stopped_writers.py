"""Writers of a dataset, on disk or in a bucket, for tests that stop them."""

from __future__ import annotations

import datetime as dt
from pathlib import PurePath

import msgspec

from pipeline.dataset.writer import DatasetWriter, begin
from schemas.errors import BusyError
from schemas.manifest import FileEntry
from transforms.shuffle.staging import stage
from transforms.storage.leases import Holder
from transforms.storage.places import store_of

FILE = "ledger/part-00000-of-00001.parquet"


def written(path: PurePath, text: bytes = b"rows") -> tuple[DatasetWriter, FileEntry]:
    """A version that is written and not committed."""
    writer = begin(path, "run", "new_version")
    return writer, stage(writer.folder, FILE, text)


def commit(writer: DatasetWriter, file: FileEntry) -> bool:
    """False if the writer is told to come back."""
    try:
        writer.commit(b"{}", [file], 1, "run")
    except BusyError:
        writer.rollback()
        return False
    writer.release()
    return True


def lapse(path: PurePath) -> None:
    """The lease of every claim ends now, as it does for a process that is stopped."""
    store = store_of(path)
    for name in store.names("claims/"):
        if name.removeprefix("claims/").isdigit():
            held = msgspec.json.decode(store.read(name), type=Holder)
            past = dt.datetime.now(dt.UTC) - dt.timedelta(seconds=1)
            store.put(name, msgspec.json.encode(msgspec.structs.replace(held, until=past)))
