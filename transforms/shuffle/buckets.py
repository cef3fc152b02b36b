"""Tables to (bucket, blob): every fact about a user in one bucket; and a bucket that grew too big, cut.

A bucket is a range of user keys. One that is too big, for a user with a million sessions is in it, is
decided in shares: each takes the sessions of some conversation keys, and the consent of their users.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.tables import CONSENT, DELETIONS, FACTS, KEY
from transforms.shuffle.blobs import Kind, key_prefixes, part_of_keys, slices_by_part, tables_of, to_blob
from transforms.shuffle.spill import Spill, put, size_of
from transforms.shuffle.user_activity import USERS, newest_human, newest_of

#: Columns of the user's key, by kind.
_USER: dict[Kind, str] = {"consent": "user_key", "user_deletions": "key"}
#: Rows of consent or deletions that are held to be sifted together.
_ROWS_AT_ONCE = 1 << 20


class Buckets(NamedTuple):
    """How many user buckets, and from which size in bytes, as shuffled, one is decided in shares.

    Neither changes what is decided. `spill`: where the blobs wait, if not in the shuffle.
    """

    number: int
    max_bytes: int = 16 << 20
    spill: Spill | None = None


class Share(NamedTuple):
    """The part of a bucket's sessions to decide: those of every `of`th conversation key, from the `nth`."""

    nth: int
    of: int
    blobs: Sequence[bytes]


def facts_to_buckets(facts: pa.Table, buckets: Buckets) -> Iterator[tuple[int, bytes]]:
    """(bucket, blob) for each bucket; a record without a user goes by its conversation."""
    conversation = facts["conversation_key"].combine_chunks()
    user = pc.coalesce(facts["user_key"].combine_chunks(), conversation)
    for bucket, rows in slices_by_part(facts, part_of_keys(user, buckets.number)):
        yield bucket, put(buckets.spill, to_blob(rows, "facts"))


def users_to_buckets(
    table: pa.Table, key_column: str, kind: Kind, buckets: Buckets
) -> Iterator[tuple[int, bytes]]:
    """(bucket, blob) of rows that belong to users."""
    for bucket, rows in slices_by_part(table, part_of_keys(table[key_column], buckets.number)):
        yield bucket, put(buckets.spill, to_blob(rows, kind))


def shares_of(blobs: Iterable[bytes], buckets: Buckets) -> list[Share]:
    """The bucket in shares of about `max_bytes`; the size is that of all its blobs."""
    held = list(blobs)
    count = max(1, -(-sum(map(size_of, held)) // buckets.max_bytes))
    return [Share(nth, count, held) for nth in range(count)]


def tables_of_share(share: Share, spill: Spill | None) -> dict[Kind, pa.Table]:
    """FACTS, CONSENT, DELETIONS and USERS of a share, read a blob at a time: only its own rows are ever held.

    USERS are every `of`th user of the whole bucket, so that each is in one share. Consent and deletions are
    those of the users of the share's sessions, and of these.
    """
    opened: dict[Kind, list[pa.Table]] = {"facts": [], "consent": [], "user_deletions": []}
    schemas: dict[Kind, pa.Schema] = {"facts": FACTS, "consent": CONSENT, "user_deletions": DELETIONS}
    later: list[bytes] = []
    counted: list[pa.Table] = []
    for blob in share.blobs:
        tables = tables_of([blob], schemas, spill)
        facts = tables["facts"]
        if facts.num_rows:
            opened["facts"].append(_in_share(facts, "conversation_key", share))
            counted.append(newest_human(_in_share(facts, "user_key", share)))
        else:
            later.append(blob)
    facts = pa.concat_tables(opened["facts"]) if opened["facts"] else FACTS.empty_table()
    counted_once = newest_of(pa.concat_tables([USERS.empty_table(), *counted]))
    keys = pa.chunked_array([*facts["user_key"].chunks, *counted_once["user_key"].chunks], KEY)
    users = pc.drop_null(pc.unique(keys))
    waiting: dict[Kind, list[pa.Table]] = {kind: [] for kind in _USER}
    for blob in later:
        for kind, table in tables_of([blob], schemas, spill).items():
            if kind in _USER and table.num_rows:
                waiting[kind].append(table)
                if sum(each.num_rows for each in waiting[kind]) >= _ROWS_AT_ONCE:
                    opened[kind].append(_of_users(waiting[kind], _USER[kind], users))
                    waiting[kind] = []
    for kind, rest in waiting.items():
        if rest:
            opened[kind].append(_of_users(rest, _USER[kind], users))
    found = {kind: pa.concat_tables(t) if t else schemas[kind].empty_table() for kind, t in opened.items()}
    return {**found, "facts": facts, "users": counted_once}


def _of_users(tables: Sequence[pa.Table], column: str, users: pa.Array) -> pa.Table:
    """The rows whose user is one of these. A call costs as much as there are users, however few the rows."""
    together = pa.concat_tables(tables)
    return together.filter(pc.is_in(together[column], value_set=users))


def _in_share(facts: pa.Table, column: str, share: Share) -> pa.Table:
    """The rows whose key in a column is the share's."""
    if share.of == 1:
        return facts
    return facts.filter(pa.array(key_prefixes(facts[column]) % np.uint64(share.of) == np.uint64(share.nth)))
