"""Names in lists of things of one kind: "King, Queen", "Summer and Winter", "Flowers: Rose, Lily"."""

from __future__ import annotations

import functools
import re
from importlib import resources
from typing import NamedTuple

_BETWEEN = r"(?:,? (?:and|or) |, | ?/ ?| & )"
_LIST = re.compile(rf"(?<![\w-])[^\W\d_]+(?:{_BETWEEN}[^\W\d_]+)*(?![\w-])")
_BETWEEN_ITEMS = re.compile(_BETWEEN)
_LABEL = re.compile(r"(?<![\w-])([^\W\d_]+): \Z")
#: "Queen Elizabeth" is not the queen of a list.
_NAME_BEHIND = re.compile(r" [A-Z]")
_AROUND = 80


class _Kind(NamedTuple):
    labels: frozenset[str]
    names: frozenset[str]
    others: frozenset[str]


def is_of_listed_kind(text: str, start: int, end: int) -> bool:
    """True if [start, end) is an item, or are items, of a list of one kind, of which one cannot be a person.

    The label of the list can be the sign instead: with neither, "Rose, Lily" are two people.
    """
    words = [word.lower() for word in _BETWEEN_ITEMS.split(text[start:end])]
    kinds = [kind for kind in _kinds() if all(word in kind.names or word in kind.others for word in words)]
    return any(_is_in_list(text, start, end, kind) for kind in kinds)


def _is_in_list(text: str, start: int, end: int, kind: _Kind) -> bool:
    for found in _LIST.finditer(text, max(0, start - _AROUND), min(len(text), end + _AROUND)):
        if not (found.start() <= start and end <= found.end()):
            continue
        label = _LABEL.search(text, max(0, found.start() - _AROUND), found.start())
        if label is not None and label.group(1).lower() in kind.labels:
            return True
        items = [item.lower() for item in _BETWEEN_ITEMS.split(found.group())]
        of_kind = all(item in kind.names or item in kind.others for item in items)
        return (
            of_kind
            and any(map(kind.others.__contains__, items))
            and not _NAME_BEHIND.match(text, found.end())
        )
    return False


@functools.cache
def kind_lines() -> tuple[str, ...]:
    """The lines of kinds.txt without comments."""
    lines = (resources.files("transforms.deid.people") / "kinds.txt").read_text("utf-8").splitlines()
    return tuple(line for line in lines if not line.startswith("#"))


@functools.cache
def _kinds() -> tuple[_Kind, ...]:
    parts = [line.split(":") for line in kind_lines()]
    return tuple(_Kind(*(frozenset(part.split()) for part in line)) for line in parts)
