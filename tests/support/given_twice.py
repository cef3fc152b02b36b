"""Records in which one object gives a field twice."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

_MARK = "@twice"
Step = str | int
#: How a name may be spelled in JSON, by a function of the name.
SPELLINGS = {
    "plain": lambda name: name,
    "escaped first": lambda name: f"\\u{ord(name[0]):04x}{name[1:]}",
    "escaped last": lambda name: f"{name[:-1]}\\u{ord(name[-1]):04X}",
}


def value_at(record: Any, path: Sequence[Step]) -> Any:
    """The value at a path of names and places."""
    for step in path:
        record = record[step]
    return record


def given_twice(record: Any, path: Sequence[Step], spelling: str, other: Any, *, first: bool) -> str:
    """The record as JSON; the field at the path is given again with another value, before or behind it."""
    whole = copy.deepcopy(record)
    holder = value_at(whole, path[:-1])
    name = str(path[-1])
    fields = dict(holder)
    holder.clear()
    for each, value in fields.items():
        if each == name and first:
            holder[_MARK] = 0
        holder[each] = value
        if each == name and not first:
            holder[_MARK] = 0
    text = json.dumps(whole)
    assert text.count(f'"{_MARK}": 0') == 1
    return text.replace(f'"{_MARK}": 0', f'"{SPELLINGS[spelling](name)}": {json.dumps(other)}')
