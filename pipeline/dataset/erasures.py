"""Erasures of a dataset: certificates, and tombstones that keep what was erased out of every later run.

`erasures/NAME.keys` holds the keys that must not come back, `erasures/NAME.json` the certificate. The catalog
lists the names, so that both count from the moment when the erasure does.
"""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterable
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.dataset.catalog import NO_FILE, Catalog, read_catalog
from schemas.errors import InputError
from schemas.keys import KEY_BYTES
from schemas.tables import KEY
from transforms.storage.contract import Store

ERASURES = "erasures/"
_KEY_COLUMNS = ("user_key", "conversation_key")
_DIGITS = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
_NAME = re.compile(r"[0-9]{4}-[0-9a-f]{6}\Z")


class Keys(NamedTuple):
    """Keys of users and of conversations: digests of 16 bytes."""

    users: frozenset[bytes]
    conversations: frozenset[bytes]

    def __or__(self, other: Keys) -> Keys:
        return Keys(self.users | other.users, self.conversations | other.conversations)


NO_KEYS = Keys(frozenset(), frozenset())


class Asked(NamedTuple):
    """Users and conversations to erase, each as the keys that it may have: an id may look like a key."""

    users: frozenset[frozenset[bytes]] = frozenset()
    conversations: frozenset[frozenset[bytes]] = frozenset()

    @property
    def keys(self) -> Keys:
        """All keys: those that must not come back."""
        return Keys(frozenset().union(*self.users), frozenset().union(*self.conversations))


class VersionErased(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure changed in one version: files rewritten, and rows removed from data and ledger."""

    version: int
    files: list[str]
    training_rows: int
    ledger_rows: int


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked, what was found, what was rewritten, and the scan that proves absence.

    Counts and keyed digests only. `asked` and `found` count users and conversations; each asked one has one
    tombstone, or two where its id may be a key. Each conversation found by a further id has one too, and each
    further id that only erased conversations have. `scan` is None until the old files are removed and the
    others were searched: files and bytes read, and occurrences of a key.
    """

    kind: str
    name: str
    at: str
    asked: dict[str, int]
    found: dict[str, int]
    unknown: int
    versions: list[VersionErased]
    keys_sha256: str
    scan: dict[str, int] | None = None


def keys_name(name: str) -> str:
    """The object that holds an erasure's tombstones."""
    return f"{ERASURES}{name}.keys"


def certificate_name(name: str) -> str:
    """The object that holds an erasure's certificate."""
    return f"{ERASURES}{name}.json"


def encode_keys(keys: Keys) -> bytes:
    """One key a line: `user` or `conversation`, and 32 hex digits; sorted."""
    lines = [f"user {key.hex()}\n" for key in keys.users]
    lines += [f"conversation {key.hex()}\n" for key in keys.conversations]
    return "".join(sorted(lines)).encode()


def decode_keys(data: bytes, where: str) -> Keys:
    """What `encode_keys` wrote; raises InputError for anything else."""
    found: dict[str, set[bytes]] = {"user": set(), "conversation": set()}
    try:
        for line in data.decode("ascii").splitlines():
            kind, _, digits = line.partition(" ")
            if len(digits) != 2 * KEY_BYTES:
                raise InputError(f"{where}: is not a list of erased keys; restore it from a copy")
            found[kind].add(bytes.fromhex(digits))
    except (ValueError, KeyError):
        raise InputError(f"{where}: is not a list of erased keys; restore it from a copy") from None
    return Keys(frozenset(found["user"]), frozenset(found["conversation"]))


def erased_keys(store: Store, catalog: Catalog | None, where: str) -> Keys:
    """All keys that the dataset's erasures list; raises InputError where one is missing or damaged."""
    keys = NO_KEYS
    for name in _names(catalog.erased if catalog else (), where):
        try:
            data = store.read(keys_name(name))
            certificate = msgspec.json.decode(store.read(certificate_name(name)), type=Certificate)
        except (FileNotFoundError, msgspec.DecodeError, UnicodeDecodeError):
            raise InputError(
                f"{where}/{ERASURES}{name}: its keys or its certificate are missing or damaged; "
                "restore both files from a copy"
            ) from None
        # A list that was cut at the end of a line reads well, and would let the others come back.
        if hashlib.sha256(data).hexdigest() != certificate.keys_sha256:
            raise InputError(
                f"{where}/{keys_name(name)}: is not the list that its certificate names; "
                "restore it from a copy"
            )
        keys |= decode_keys(data, f"{where}/{keys_name(name)}")
    return keys


def _names(names: Iterable[str], where: str) -> list[str]:
    listed = list(names)
    if any(not _NAME.match(name) for name in listed):
        raise InputError(f"{where}: the catalog lists an erasure under a name that none has")
    return listed


def encode_certificate(certificate: Certificate) -> bytes:
    """The certificate's file: indented JSON."""
    return msgspec.json.format(msgspec.json.encode(certificate), indent=2) + b"\n"


def finish_erasures(store: Store, where: str) -> None:
    """Searches the dataset for the keys of each erasure that is not proved yet, and adds the scan.

    Old folders have to be removed before. Parquet is searched by its key columns, other files by their bytes.
    Tombstones and certificates are left out: they have to hold what must not come back. An erasure whose
    files are damaged does not keep the others from being finished; its error is raised at the end.
    """
    failure: Exception | None = None
    read = read_catalog(store, where)
    for name in _names(read.catalog.erased if read else (), where):
        try:
            _finish(store, name, where)
        except (OSError, msgspec.DecodeError, UnicodeDecodeError, InputError) as error:
            failure = failure or error
    if failure is not None:
        raise failure


def _finish(store: Store, name: str, where: str) -> None:
    certificate = msgspec.json.decode(store.read(certificate_name(name)), type=Certificate)
    if certificate.scan is None or certificate.scan.get("found"):
        keys = decode_keys(store.read(keys_name(name)), f"{where}/{keys_name(name)}")
        scan = _scan(store, keys.users | keys.conversations)
        done = msgspec.structs.replace(certificate, scan=scan)
        store.put(certificate_name(name), encode_certificate(done))


def _scan(store: Store, keys: frozenset[bytes]) -> dict[str, int]:
    """Files and bytes that were searched, and in how many places a key was found or cannot be ruled out."""
    found = {"files": 0, "bytes": 0, "found": 0}
    for name in store.names():
        if name.startswith(ERASURES) or name == "latest":
            continue
        found["files"] += 1
        try:
            data = store.read(name)
            found["bytes"] += len(data)
            found["found"] += _in_parquet(data, keys) if name.endswith(".parquet") else _in_bytes(data, keys)
        except FileNotFoundError:
            continue
        except (OSError, pa.ArrowException) as error:
            if isinstance(error, OSError) and error.errno not in NO_FILE:
                raise
            found["found"] += 1  # a link, or no Parquet: it cannot be searched
    return found


def _in_bytes(data: bytes, keys: frozenset[bytes]) -> int:
    digits = {key.hex() for key in keys}
    return sum(text.decode() in digits for text in _DIGITS.findall(data))


def _in_parquet(data: bytes, keys: frozenset[bytes]) -> int:
    """How often a key is in a column of keys: of 32 hex digits, or of 16 bytes, also in lists and structs."""
    binary = pa.array(sorted(keys), KEY)
    digits = pa.array(sorted(key.hex() for key in keys), pa.string())
    with pq.ParquetFile(io.BytesIO(data)) as file:
        schema = file.schema_arrow
        names = [each.name for each in schema if each.name in _KEY_COLUMNS or _has_keys(each.type)]
        total = 0
        for batch in file.iter_batches(columns=names, use_threads=False):
            for name, column in zip(names, batch.columns, strict=True):
                for values in _leaves(column):
                    if values.type == KEY or name in _KEY_COLUMNS:
                        found = pc.is_in(values, value_set=binary if values.type == KEY else digits)
                        total += pc.sum(found).as_py() or 0
    return total


def _has_keys(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind) or pa.types.is_dictionary(kind):
        return _has_keys(kind.value_type)
    if pa.types.is_struct(kind):
        return any(_has_keys(kind.field(number).type) for number in range(kind.num_fields))
    return bool(kind == KEY)


def _leaves(column: pa.Array) -> list[pa.Array]:
    """The values of a column, out of all lists, structs and dictionaries."""
    if pa.types.is_list(column.type):
        return _leaves(column.flatten())
    if pa.types.is_dictionary(column.type):
        return _leaves(column.dictionary_decode())
    if pa.types.is_struct(column.type):
        return [leaf for each in column.flatten() for leaf in _leaves(each)]
    return [column]
