"""The placeholder of proposed configurations, which the user must replace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

PLACEHOLDER = "FILL_IN"


def placeholders_in(tree: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The keys of each placeholder in the values of a YAML file, as a value or as a key."""
    if tree == PLACEHOLDER:
        yield keys
    for key, value in tree.items() if isinstance(tree, dict) else ():
        if key == PLACEHOLDER:
            yield (*keys, key)
        else:
            yield from placeholders_in(value, (*keys, key))
    for place, value in enumerate(tree) if isinstance(tree, list) else ():
        yield from placeholders_in(value, (*keys, place))
