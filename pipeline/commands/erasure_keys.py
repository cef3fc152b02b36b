"""What `forget` and `expire` are asked: keys of users and conversations, the run's key, and a moment."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePath

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.dataset.committed import open_committed
from pipeline.dataset.erasures import Asked
from pipeline.inputs.globs import refused
from schemas.errors import ConfigError, InputError
from schemas.ids import is_unclean
from schemas.keys import KeyedHasher, key_id, parse_key
from transforms.consent.columns import key_column, parse_instant, refuse_where, text_column
from transforms.consent.files import read_batches

VARIABLE = "CHATSIEVE_KEY"
_KEY = re.compile(r"[0-9a-f]{32}\Z")


def key_of(dataset: PurePath, key_file: Path | None) -> bytes:
    """The run's key from a file, else from CHATSIEVE_KEY; ConfigError where it is not that of the dataset."""
    if key_file is not None:
        try:
            text, where = key_file.read_text(encoding="utf-8"), str(key_file)
        except (OSError, UnicodeDecodeError):
            raise ConfigError(f"{key_file}: cannot be read as a key") from None
    elif os.environ.get(VARIABLE):
        text, where = os.environ[VARIABLE], VARIABLE
    else:
        raise ConfigError(f"give --key-file, or set {VARIABLE}: the key that the dataset was made with")
    key = parse_key(text, where)
    try:
        made_with = open_committed(dataset).manifest.key_id
    except InputError:
        return key  # no dataset, or a damaged version: the command itself refuses it, with a way out
    if key_id(key) != made_with:
        raise ConfigError(f"{where}: is not the key that {dataset} was made with")
    return key


def keys_asked(
    users: Iterable[str], conversations: Iterable[str], listed: str | Path | None, key: bytes
) -> Asked:
    """What is to be erased: ids, given as they are or as keys, and a list; ConfigError where it is nothing.

    What looks like a key (32 hex digits) is taken as a key and as an id, and is counted once.
    """
    hasher = KeyedHasher(key)
    asked = Asked(frozenset(_keys(users, hasher.user)), frozenset(_keys(conversations, hasher.conversation)))
    if listed is not None:
        with refused():
            more = _listed(str(listed), hasher)
        asked = Asked(asked.users | more.users, asked.conversations | more.conversations)
    if not (asked.users or asked.conversations):
        raise ConfigError("give --user, --conversation or --list with at least one id")
    return asked


def moment_of(text: str) -> dt.datetime:
    """The instant of RFC 3339 text, or of a date, at its start in UTC."""
    with contextlib.suppress(ValueError):
        return dt.datetime.combine(dt.date.fromisoformat(text), dt.time(), dt.UTC)
    found = parse_instant(text)
    if found is None:
        raise ConfigError("--as-of: expected a date, or an RFC 3339 time with an offset")
    return found


def _keys(ids: Iterable[str], make: Callable[[str], bytes]) -> Iterable[frozenset[bytes]]:
    for text in ids:
        if not text.strip() or is_unclean(text) or not _is_utf8(text):
            raise ConfigError(
                "an id to erase is blank, is not UTF-8, or has white space or an invisible character at an "
                "end, or a control character, and would match nothing; correct the id"
            )
        yield frozenset([make(text), *([bytes.fromhex(text)] if _KEY.match(text) else [])])


def _is_utf8(text: str) -> bool:
    """False for an argument whose bytes were not UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _listed(path: str, hasher: KeyedHasher) -> Asked:
    found: dict[str, set[frozenset[bytes]]] = {"user": set(), "conversation": set()}
    for batch in read_batches(path, ("kind", "id")):
        kinds = text_column(batch, "kind", path, "user or conversation")
        unknown = pc.invert(pc.is_in(kinds, value_set=pa.array(["user", "conversation"])))
        refuse_where(unknown, batch, path, "column kind holds a value that is neither user nor conversation")
        for kind, many, one in (
            ("user", hasher.users, hasher.user),
            ("conversation", hasher.conversations, hasher.conversation),
        ):
            rows = batch.filter(pc.equal(kinds, kind))
            key_column(rows, "id", many, path)  # refuses ids that match nothing, and other types
            found[kind].update(_keys(rows["id"].cast(pa.string()).to_pylist(), one))
    return Asked(frozenset(found["user"]), frozenset(found["conversation"]))
