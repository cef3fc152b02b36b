"""The operator's list of tiers and surfaces that the policy does not list: `restricted/unlisted.json`.

The values are as the logs have them, since a policy can only list what its author can read. So the file is in
`restricted/`, and no other file of a version, no log and no message has these values.
"""

from __future__ import annotations

import base64
import collections
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from schemas.policy import Policy
from transforms.read.labels import LABELS

UNLISTED = "restricted/unlisted.json"
FORMAT = "chatsieve.unlisted/1"
#: Values of each column, and files of each value.
_MOST_VALUES, _MOST_FILES = 500, 10
Place = tuple[int, int]


class UnlistedValue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A value: its records in all inputs, the number of files that may have it, and the first of them.

    `files`: (`input`, `file`) as in `inputs` of the manifest. Linked files count together.
    """

    value: str
    records: int
    file_count: int
    files: list[Place]


class Unlisted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The values of both columns, those with the most records first; `other_records`: of those left out."""

    format: str
    policy_id: str
    tier: list[UnlistedValue]
    surface: list[UnlistedValue]
    other_records: dict[str, int]


def unlisted_file(
    entries: Iterable[Mapping[str, Any]],
    unseal: Callable[[bytes], Any],
    files: Sequence[tuple[int, int, str]],
    policy: Policy,
) -> bytes | None:
    """The file as indented JSON; None if every tier and surface is in a list of the policy.

    `entries`: the catalog's entries `unlisted`. `unseal` opens what the reading sealed. `files`: all input
    files as (input, position, path).
    """
    position = {(number, path): (number, place) for number, place, path in files}
    records: collections.Counter[tuple[str, str | None]] = collections.Counter()
    places: dict[tuple[str, str | None], set[Place]] = collections.defaultdict(set)
    for entry in entries:
        number, paths, rows = unseal(base64.b64decode(entry["sealed"]))
        for row in rows:
            key = row["column"], row["value"]
            if row["value"] not in policy.listed(row["column"]):
                records[key] += row["records"]
                places[key] |= {position[number, path] for path in paths}
    if not records:
        return None
    found: dict[str, list[UnlistedValue]] = {}
    others = {}
    for column in LABELS:
        own = sorted((-count, value) for (name, value), count in records.items() if name == column and value)
        left = sum(-count for count, _ in own[_MOST_VALUES:])
        others[column] = records[column, None] + left
        found[column] = [_value(value, -count, places[column, value]) for count, value in own[:_MOST_VALUES]]
    return encode_unlisted(Unlisted(FORMAT, policy.id, found["tier"], found["surface"], others))


def encode_unlisted(found: Unlisted) -> bytes:
    """The file of a list."""
    return msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n"


def _value(value: str, records: int, places: set[Place]) -> UnlistedValue:
    return UnlistedValue(value, records, len(places), sorted(places)[:_MOST_FILES])
