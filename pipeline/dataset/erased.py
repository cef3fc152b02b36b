"""What `forget` erased from a dataset, as a later run excludes it, and the key that all versions share."""

from __future__ import annotations

import msgspec

from pipeline.dataset.catalog import MANIFEST, Catalog, catalog_to_read
from pipeline.dataset.erasures import erased_keys
from pipeline.inputs.config import Settings
from schemas.errors import BusyError, OutputError
from schemas.keys import key_id
from schemas.manifest import decode
from transforms.consent.snapshots import ErasedKeys
from transforms.storage.contract import Store
from transforms.storage.places import store_of


def erased_from(settings: Settings) -> list[ErasedKeys]:
    """What `forget` erased from the dataset that the settings write: no run and no audit brings it back.

    Raises OutputError where the dataset has erasures and another key, InputError where they are damaged.
    """
    root = settings.output_path("run")
    store = store_of(root)
    read = catalog_to_read(store, str(root))
    keys = erased_keys(store, read.catalog if read else None, str(root))
    listed = [("user", keys.users), ("conversation", keys.conversations)]
    erased = [ErasedKeys(kind, tuple(sorted(some))) for kind, some in listed if some]
    if erased:
        check_key(store, read.catalog if read else None, settings.key, str(root))
    return erased


def check_erased(settings: Settings, before: list[ErasedKeys]) -> None:
    """Raises BusyError if somebody was erased since `erased_from` gave `before`.

    A run calls it under its claim of the dataset: from then on nobody can be erased until the run ends.
    """
    if erased_from(settings) != before:
        where = settings.output_path("run")
        raise BusyError(f"{where}: another command erased rows from it at this moment; run again")


def check_key(store: Store, catalog: Catalog | None, key: bytes, where: str) -> None:
    """Raises OutputError where a version of the dataset was made with another key.

    Tombstones are digests under the key: under another one they name nobody, and an erased person would come
    back. A manifest that is missing or damaged is left to `verify`.
    """
    for entry in catalog.versions if catalog else ():
        try:
            manifest = decode(store.read(f"{entry.folder}/{MANIFEST}"))
        except (FileNotFoundError, NotADirectoryError, msgspec.DecodeError, UnicodeDecodeError):
            continue
        if manifest.key_id != key_id(key):
            raise OutputError(
                f"{where}@{entry.version}: was made with another key; "
                "use that key, or give another output.path"
            )
