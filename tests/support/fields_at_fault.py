"""The fields that quarantine entries name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schemas.units import FIELD_KINDS, Quarantined

_OF_FIELDS = {"bad_field", "missing_field", "bad_timestamp", "naive_timestamp", "duplicate_message"}
_PATH = re.compile(r"[a-zA-Z_]+(\[\])?(\.[a-zA-Z_]+(\[\])?)*\Z")


def assert_fields_are_named(entries: Sequence[Quarantined]) -> None:
    """Each entry has a field if its code is of fields, and no part of its path is from the input."""
    for entry in entries:
        assert (entry.field is None) == (entry.kind is None), entry
        assert entry.kind is None or entry.kind in FIELD_KINDS
        if entry.code in _OF_FIELDS:
            assert entry.field, entry
        if entry.field not in (None, "*"):
            assert _PATH.match(entry.field), entry
            assert not {"xxx", "zz", "y", "a"} & {*re.split(r"[.\[\]]+", entry.field)}, entry
        assert entry.field != "*" or entry.kind == "number", entry
