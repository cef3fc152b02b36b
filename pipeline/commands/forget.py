"""`chatsieve forget` and `chatsieve expire`: removes people, or rows past retention, from every version.

Each version that holds one of them is written again without them, into a new folder; files that hold none
are shared. Certificate and tombstones follow, then `CURRENT` is replaced once for all versions, then the old
folders are removed and the rest is searched for the keys. If the command is killed before the replacement,
nothing has happened; after it, the next command that changes the dataset removes what is left over.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import secrets
from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.catalog import MANIFEST, Catalog, Version
from pipeline.dataset.change import Change, begin_change_of_existing
from pipeline.dataset.erasable import ErasableVersion
from pipeline.dataset.erasable_state import state_without
from pipeline.dataset.erasures import (
    NO_KEYS,
    Asked,
    Certificate,
    Keys,
    VersionErased,
    certificate_name,
    encode_certificate,
    encode_keys,
    keys_name,
)
from pipeline.dataset.further_ids import Removed, ids_of_removed
from pipeline.dataset.state import STATE_FOLDER
from pipeline.report.unlisted import UNLISTED
from schemas.errors import InputError, PipelineError
from schemas.manifest import Erased, encode
from transforms.output.erase import expired_conversations, named_by, schema_of, sessions_of, without
from transforms.output.shards import rewrite_table
from transforms.read.state.files import SCHEMAS, rewrite_state

_STATE_OF_FACTS = tuple(f"{STATE_FOLDER}{kind}-" for kind in SCHEMAS)


class Done(NamedTuple):
    """The certificate and its path, both None where there was nothing to do, and the current version."""

    certificate: Certificate | None
    path: PurePath | None
    version: int


class _Found(NamedTuple):
    """What a version holds of what was asked: the conversations to remove, and the users who have some.

    `by_name`: the conversations that an asked key is a further id of. `names`: these asked keys.
    """

    conversations: frozenset[bytes]
    users: frozenset[bytes] = frozenset()
    by_name: frozenset[bytes] = frozenset()
    names: frozenset[bytes] = frozenset()


def forget(root: PurePath, asked: Asked, key: bytes) -> Done:
    """Erases users and conversations from every version and keeps them out of every later run.

    `key` is the run's: it signs the new manifests. Ids that no version holds are counted, and kept out too.
    Raises InputError for a version that cannot be read or has another key, with a way out; BusyError while
    another command changes the dataset.
    """
    keys = asked.keys

    def find(version: ErasableVersion) -> _Found:
        conversations, users = set(keys.conversations), set[bytes]()
        by_name, names = set[bytes](), set[bytes]()
        for name in version.names("restricted/sessions-"):
            sessions = version.table(name)
            own = sessions_of(keys.users, sessions)
            conversations |= _keys(own["conversation_key"])
            users |= _keys(own["user_key"])
            named = named_by(keys.conversations, sessions)
            by_name |= _keys(named["conversation_key"])
            names |= _keys(pc.list_flatten(named["names"])) & keys.conversations
        return _Found(*map(frozenset, (conversations | by_name, users, by_name, names)))

    return _erase(root, "forget", asked, find, key)


def expire(root: PurePath, as_of: dt.datetime, key: bytes) -> Done:
    """Removes the rows whose `retain_until` is on or before the date of `as_of`, from every version."""

    def find(version: ErasableVersion) -> _Found:
        gone = set[bytes]()
        for name in version.names("data/"):
            gone |= expired_conversations(version.table(name), as_of.astimezone(dt.UTC).date())
        return _Found(frozenset(gone))

    return _erase(root, "expire", Asked(), find, key)


class _Rewritten(NamedTuple):
    entry: Version
    erased: VersionErased
    found: frozenset[bytes]


def _erase(
    root: PurePath, kind: str, asked: Asked, find: Callable[[ErasableVersion], _Found], key: bytes
) -> Done:
    change, catalog = begin_change_of_existing(root)
    try:
        certificate = _rewrite(change, catalog, kind, asked, find, key)
    except (OSError, InputError) as error:
        if change.is_superseded:
            raise change.superseded() from None
        if isinstance(error, OSError):
            raise PipelineError(
                f"{root}: cannot be read or written ({error.strerror}); nothing was erased; repeat the "
                "command when there is space and the disk works"
            ) from None
        raise
    finally:
        # Removes what was written, if it does not count, else what it replaced; then searches for the keys.
        change.release()
    if certificate is None:
        return Done(None, None, catalog.version)
    name = certificate_name(certificate.name)
    # The erasure counts: an answer that is lost now must not end as a failure.
    with contextlib.suppress(OSError, msgspec.DecodeError):
        certificate = msgspec.json.decode(change.store.read(name), type=Certificate)
    return Done(certificate, root / name, catalog.version)


def _rewrite(
    change: Change,
    catalog: Catalog,
    kind: str,
    asked: Asked,
    find: Callable[[ErasableVersion], _Found],
    key: bytes,
) -> Certificate | None:
    """Writes everything and makes it count; None where `expire` finds nothing."""
    versions: list[Version] = []
    changed: list[VersionErased] = []
    gone, users, by_name, names = set[bytes](), set[bytes](), set[bytes](), set[bytes]()
    removed: list[Removed] = []
    for entry in catalog.versions:
        version = ErasableVersion(change.store, change.path, catalog, entry, key)
        found = find(version)
        removed.append(Removed(version, found.conversations))
        users |= found.users
        by_name |= found.by_name
        names |= found.names
    parts = ids_of_removed(removed) if kind == "forget" else frozenset[bytes]()
    for version, conversations in removed:
        # Facts have no text: `expire` leaves them, so that the next run need not read their files again.
        named = Keys(asked.keys.users, conversations | parts) if kind == "forget" else NO_KEYS
        rewritten = _without(change, version, conversations | parts, named, key)
        versions.append(rewritten.entry if rewritten else version.entry)
        if rewritten:
            changed.append(rewritten.erased)
            gone |= rewritten.found
            names_before = [MANIFEST, *(file.path for file in version.manifest.files)]
            change.replaced += [f"{version.entry.folder}/{path}" for path in names_before]
    if kind == "expire" and not changed:
        return None
    name = f"{len(catalog.erased) + 1:04d}-{secrets.token_hex(3)}"
    # A conversation found by a further id stays out even if the records of that id are removed, and a record
    # of it stays out even if it is the only one left.
    keys = encode_keys(asked.keys | Keys(frozenset(), frozenset(by_name) | parts))
    certificate = Certificate(
        kind=kind,
        name=name,
        at=dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        asked={"users": len(asked.users), "conversations": len(asked.conversations)},
        found={"users": len(users), "conversations": len(gone)},
        unknown=sum(each.isdisjoint(users) for each in asked.users)
        + sum(each.isdisjoint(gone | names) for each in asked.conversations),
        versions=changed,
        keys_sha256=hashlib.sha256(keys).hexdigest(),
    )
    change.store.put(keys_name(name), keys)
    change.store.put(certificate_name(name), encode_certificate(certificate))
    current = next(one for one in versions if one.version == catalog.version)
    after = msgspec.structs.replace(
        catalog, folder=current.folder, versions=versions, erased=[*catalog.erased, name]
    )
    change.replace(after, lambda read: name in read.erased)
    return certificate


def _without(
    change: Change, version: ErasableVersion, conversations: frozenset[bytes], keys: Keys, key: bytes
) -> _Rewritten | None:
    """The version rewritten without these conversations, and without units of the state that have `keys`.

    None if it holds none of them.
    """
    rest, removed, found = _rest_of(version, conversations)
    state = state_without(version, keys) if keys != NO_KEYS else {}
    if not rest and not state:
        return None
    entry = version.entry
    folder = f"v{entry.version:04d}-{secrets.token_hex(3)}"
    files = []
    # Which of its values an erased session had is not known; the next run writes it anew.
    dropped = [UNLISTED] if keys != NO_KEYS and version.names(UNLISTED) else []
    for file in version.manifest.files:
        if file.path in dropped:
            continue
        if file.path in state:
            files.append(rewrite_state(state[file.path], file.path, str(change.path / folder)))
        elif file.path in rest:
            files.append(rewrite_table(rest[file.path], change.path / folder, file.path))
        else:
            version.copy(file.path, folder)
            files.append(file)
    before = version.manifest.erased
    erased = Erased(before.training_rows + removed["data"], before.ledger_rows + removed["ledger"])
    data = encode(msgspec.structs.replace(version.manifest, files=files, erased=erased), key)
    change.store.put(f"{folder}/{MANIFEST}", data)
    after = msgspec.structs.replace(
        entry,
        folder=folder,
        manifest_sha256=hashlib.sha256(data).hexdigest(),
        rows=entry.rows - removed["data"],
    )
    summary = VersionErased(
        version=entry.version,
        files=sorted([*rest, *state, *dropped]),
        training_rows=removed["data"],
        ledger_rows=removed["ledger"],
    )
    return _Rewritten(after, summary, found)


def _rest_of(
    version: ErasableVersion, conversations: frozenset[bytes]
) -> tuple[dict[str, pa.Table], dict[str, int], frozenset[bytes]]:
    """(what is left of each file concerned, rows removed by folder, conversations that the version held)."""
    rest: dict[str, pa.Table] = {}
    removed = {"data": 0, "ledger": 0, "restricted": 0}
    found: set[bytes] = set()
    for name in version.names("") if conversations else []:
        if schema_of(name) is None or name.startswith(_STATE_OF_FACTS):
            continue
        table = version.table(name)
        left = without(table, conversations)
        if left is not table:
            rest[name] = left
            removed[name.split("/", 1)[0]] += table.num_rows - left.num_rows
            if name.startswith("restricted/sessions-"):
                found |= _keys(table["conversation_key"]) & conversations
    return rest, removed, frozenset(found)


def _keys(digits: pa.ChunkedArray) -> set[bytes]:
    return {bytes.fromhex(key) for key in digits.to_pylist() if key is not None}
