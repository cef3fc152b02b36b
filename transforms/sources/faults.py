"""Why a record is not a session: its quarantine code, and the field at fault without its value."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

_KINDS: list[tuple[type | tuple[type, ...], str]] = [
    (type(None), "null"),
    (bool, "boolean"),
    ((int, float), "number"),
    (str, "text"),
    ((list, tuple), "list"),
    ((dt.date, dt.time, dt.timedelta), "time"),
    (bytes, "bytes"),
]


class Field(NamedTuple):
    """The path of a field in the schema of a format, and the kind of its value, as `kind_of` names it."""

    name: str
    kind: str


class Fault(Exception):  # noqa: N818 - becomes a quarantine entry, never an error
    """Why a record is not a session: a quarantine code, and the conversation's id if it can be read.

    `field`: the field at fault, if the fault is in one.
    """

    def __init__(self, code: str, conversation_id: str | None = None, field: Field | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.conversation_id = conversation_id
        self.field = field

    def within(self, path: str) -> Self:
        """The same fault, its field being below this path of the schema; it raises as the first did."""
        if self.field is not None:
            name, kind = self.field
            self.field = Field(f"{path}{'' if name.startswith('[') or not name else '.'}{name}", kind)
        return self

    def of(self, conversation_id: str | None) -> Self:
        """The same fault, of this conversation."""
        self.conversation_id = conversation_id
        return self


def kind_of(value: Any) -> str:
    """The kind of a value, one of `schemas.units.FIELD_KINDS` except `missing`."""
    return next((kind for types, kind in _KINDS if isinstance(value, types)), "object")


def bad_field(name: str, value: Any, code: str = "bad_field") -> Fault:
    """The fault of a field that has a value of another kind, or another value, than the format allows."""
    return Fault(code, None, Field(name, kind_of(value)))


def value_of(holder: Mapping[str, Any], name: str) -> Fault:
    """The fault `bad_field` of a field that has no valid value, or is missing."""
    return Fault("bad_field", None, Field(name, kind_of(holder[name]) if name in holder else "missing"))


def no_field(holder: Mapping[str, Any], name: str, path: str = "") -> Fault:
    """The fault of a required field without a value. `path`: of the field, if it is not its name."""
    kind = kind_of(holder[name]) if name in holder else "missing"
    return Fault("missing_field", None, Field(path or name, kind))
