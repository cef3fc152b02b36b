"""User buckets: all facts, consent and deletions of a user go to one bucket.

A bucket is a range of user keys. A bucket that is too large, for example because one user has a million
sessions, is decided in shares. A share has the sessions of some conversation keys and their users' consent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import CONSENT, DELETIONS, FACTS, JOINS, KEY
from transforms.shuffle.blobs import Kind, key_prefixes, part_of_keys, slices_by_part, tables_of, to_blob
from transforms.shuffle.histories import with_joins
from transforms.shuffle.spill import Spill, size_of
from transforms.shuffle.user_activity import USERS, newest_human, newest_of

#: The column with the user's key, by kind.
_USER: dict[Kind, str] = {"consent": "user_key", "user_deletions": "key"}
#: Marks a blob of JOINS: these are needed before all others. What a spill gives never begins with it.
JOINS_MARK = b"+"
#: Rows of consent or deletions that are filtered in one call.
_ROWS_AT_ONCE = 1 << 20


class Buckets(NamedTuple):
    """The number of user buckets, and the size in bytes (as shuffled) above which one is decided in shares.

    Neither changes a decision. `spill`: the blobs are put there.
    """

    number: int
    spill: Spill
    max_bytes: int = 16 << 20


class Share(NamedTuple):
    """One of `of` parts of a bucket: the sessions whose conversation key is `nth` modulo `of`."""

    nth: int
    of: int
    blobs: Sequence[bytes]


def facts_to_buckets(facts: pa.Table, buckets: Buckets) -> Iterator[tuple[int, bytes]]:
    """(bucket, blob) for each bucket with rows. Records without a user are placed by conversation key."""
    conversation = facts["conversation_key"].combine_chunks()
    user = pc.coalesce(facts["user_key"].combine_chunks(), conversation)
    for bucket, rows in slices_by_part(facts, part_of_keys(user, buckets.number)):
        yield bucket, buckets.spill.put(to_blob(rows, "facts"))


def users_to_buckets(
    table: pa.Table, key_column: str, kind: Kind, buckets: Buckets
) -> Iterator[tuple[int, bytes]]:
    """(bucket, blob) of rows that belong to users."""
    for bucket, rows in slices_by_part(table, part_of_keys(table[key_column], buckets.number)):
        yield bucket, buckets.spill.put(to_blob(rows, kind))


def shares_of(blobs: Iterable[bytes], buckets: Buckets) -> list[Share]:
    """The bucket in shares of about `max_bytes` of blobs each; at least one share."""
    held = list(blobs)
    count = max(1, -(-sum(map(size_of, held)) // buckets.max_bytes))
    return [Share(nth, count, held) for nth in range(count)]


def tables_of_share(share: Share, spill: Spill) -> dict[str, pa.Table]:
    """FACTS, CONSENT, DELETIONS and USERS of a share. Blobs are read one by one: memory holds one share.

    FACTS have the keys that JOINS give them.

    USERS has the users of the bucket whose user key belongs to the share, so each user is in one share.
    Consent and deletions are those of these users and of the users of the share's sessions. The user keys of
    the share without any session: `other_consent` has each that consent has, once; `other_user_deletions` one
    row for each deletion.
    """
    opened: dict[Kind, list[pa.Table]] = {"facts": [], "consent": [], "user_deletions": []}
    schemas: dict[Kind, pa.Schema] = {"facts": FACTS, "consent": CONSENT, "user_deletions": DELETIONS}
    later: list[bytes] = []
    counted: list[pa.Table] = []
    marked = [blob.removeprefix(JOINS_MARK) for blob in share.blobs if blob.startswith(JOINS_MARK)]
    joins = tables_of(marked, {"joins": JOINS}, spill)["joins"]
    for blob in share.blobs:
        if blob.startswith(JOINS_MARK):
            continue
        tables = tables_of([blob], schemas, spill)
        facts = tables["facts"]
        if facts.num_rows:
            opened["facts"].append(_in_share(with_joins(facts, joins), "conversation_key", share))
            counted.append(newest_human(_in_share(facts, "user_key", share)))
        else:
            later.append(blob)
    facts = pa.concat_tables(opened["facts"]) if opened["facts"] else FACTS.empty_table()
    users_once = newest_of(pa.concat_tables([USERS.empty_table(), *counted]))
    keys = pa.chunked_array([*facts["user_key"].chunks, *users_once["user_key"].chunks], KEY)
    users = pc.drop_null(pc.unique(keys))
    pending: dict[Kind, list[pa.Table]] = {kind: [] for kind in _USER}
    others: dict[Kind, list[pa.Table]] = {kind: [] for kind in _USER}

    def split(kind: Kind) -> None:
        # A call costs as much as there are users, so tables are joined first.
        together = pa.concat_tables(pending[kind])
        named = pc.is_in(together[_USER[kind]], value_set=users)
        opened[kind].append(together.filter(named))
        rest = _in_share(together.filter(pc.invert(named)), _USER[kind], share)
        others[kind].append(_once(rest) if kind == "consent" else rest)
        pending[kind] = []

    for blob in later:
        for kind, table in tables_of([blob], schemas, spill).items():
            if kind in _USER and table.num_rows:
                pending[kind].append(table)
                if sum(each.num_rows for each in pending[kind]) >= _ROWS_AT_ONCE:
                    split(kind)
    for kind in _USER:
        if pending[kind]:
            split(kind)
    found: dict[str, pa.Table] = {
        kind: pa.concat_tables(t) if t else schemas[kind].empty_table() for kind, t in opened.items()
    }
    found["other_consent"] = _once(
        pa.concat_tables([USERS.empty_table().select(["user_key"]), *others["consent"]])
    )
    found["other_user_deletions"] = pa.concat_tables([DELETIONS.empty_table(), *others["user_deletions"]])
    return {**found, "facts": facts, "users": users_once}


def _once(consent: pa.Table) -> pa.Table:
    return pa.table({"user_key": pc.unique(consent["user_key"])})


def _in_share(facts: pa.Table, column: str, share: Share) -> pa.Table:
    """The rows whose key in `column` belongs to the share."""
    if share.of == 1:
        return facts
    return facts.filter(pa.array(key_prefixes(facts[column]) % np.uint64(share.of) == np.uint64(share.nth)))
