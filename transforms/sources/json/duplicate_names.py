"""Whether records name twice whose they are: one that does says two things, and a decoder takes the last."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_IDENTIFYING = (b'"conversation_id"', b'"user_id"')
_UNDERSCORE, _I, _QUOTE = b'_i"'
#: What stands before the underscore of each.
_BEFORE = b"nr"


def names_once(record: bytes) -> bool:
    """False if a name of whose the record is stands in it more than once, at any depth."""
    return all(record.count(name) < 2 for name in _IDENTIFYING)


def all_name_once(records: Sequence[bytes]) -> bool:
    """False if `names_once` might be for one of them.

    By arrays, from underscore to underscore: to search for the names takes as long as to decode the records.
    """
    data = np.frombuffer(b"".join(records), np.uint8)
    places = np.flatnonzero(data == _UNDERSCORE)
    places = places[(places > 0) & (places < len(data) - len('_id"') + 1)]
    places = places[(data[places + 1] == _I) & (data[places + 3] == _QUOTE)]
    ends = np.cumsum([*map(len, records)])
    before = data[places - 1]
    for sign in _BEFORE:
        owners = np.searchsorted(ends, places[before == sign], "right")
        if (owners[1:] == owners[:-1]).any():
            return all(map(names_once, records))
    return True
