"""Tables to (bucket, blob): every fact about a user in one bucket.

A bucket is a range of user keys; within it, sub-buckets spread the sessions of one user by conversation
key, so that a user with a million sessions is not one worker's problem. A user's consent goes to each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.ipc import Kind, key_prefixes, part_of_keys, slices_by_part, to_blob


class Buckets(NamedTuple):
    """How many user buckets, and how many sub-buckets in each; neither changes what is decided."""

    users: int
    sub: int = 1

    def of_facts(self, facts: pa.Table) -> npt.NDArray[np.int64]:
        """The bucket of each record; one without a user goes by its conversation."""
        conversation = facts["conversation_key"].combine_chunks()
        user = pc.coalesce(facts["user_key"].combine_chunks(), conversation)
        sub = (key_prefixes(conversation) % np.uint64(self.sub)).astype(np.int64)
        return part_of_keys(user, self.users) * self.sub + sub


def facts_to_buckets(facts: pa.Table, buckets: Buckets) -> Iterator[tuple[int, bytes]]:
    """(bucket, blob) for each bucket that `facts` touches."""
    for bucket, rows in slices_by_part(facts, buckets.of_facts(facts)):
        yield bucket, to_blob(rows, "facts")


def users_to_buckets(
    table: pa.Table, key_column: str, kind: Kind, buckets: Buckets
) -> Iterator[tuple[int, bytes]]:
    """(bucket, blob) of rows that belong to users, repeated for each sub-bucket."""
    for part, rows in slices_by_part(table, part_of_keys(table[key_column], buckets.users)):
        blob = to_blob(rows, kind)
        for sub in range(buckets.sub):
            yield part * buckets.sub + sub, blob
