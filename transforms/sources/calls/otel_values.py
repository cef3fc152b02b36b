"""Attributes and values of OTLP in JSON, and of single spans and log records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from transforms.sources.faults import Fault, bad_field
from transforms.sources.json.once import Fields, Repeated, decoded_once, fields_of

Attributes = dict[str, Any]
_MAX_NESTING = 100


def field_of(holder: Any, *names: str) -> Any:
    """`first_of` an object; None for any other value."""
    return first_of(holder, *names) if isinstance(holder, dict) else None


def first_of(holder: Mapping[str, Any], *names: str) -> Any:
    """The first value that is not None among the fields of these names; None if there is none."""
    for name in names:
        if (value := holder.get(name)) is not None:
            return value
    return None


def listed(value: Any) -> list[Any]:
    """The list; another value as a list of one, None as an empty list."""
    return value if isinstance(value, list) else [] if value is None else [value]


def attributes_in(given: Any) -> Attributes:
    """Attributes by name, from a mapping or from OTLP's list of keys and values; raises Fault.

    They are Fields if one is given twice.
    """
    if isinstance(given, dict):
        if isinstance(given, Fields):
            given.path = ""
        return given
    return fields_of(_attributes(given))


def _attributes(given: Any) -> Iterator[tuple[str, Any]]:
    """Names and values; a value that gives its kind twice counts as an attribute that is given twice."""
    for pair in listed(given):
        if isinstance(pair, dict) and isinstance(name := pair.get("key"), str):
            try:
                yield name, value_in(pair.get("value"))
            except Repeated:
                yield from ((name, None), (name, None))


def value_in(value: Any, levels: int = _MAX_NESTING) -> Any:
    """The value of an OTLP AnyValue; another value unchanged. Raises Fault."""
    if levels == 0:
        raise Fault("malformed_json")
    if not isinstance(value, dict) or len(value) != 1:
        return value
    kind = next(iter(value))
    inner = value[kind]
    if kind == "arrayValue":
        return [value_in(item, levels - 1) for item in listed(field_of(inner, "values"))]
    if kind == "kvlistValue":
        pairs = [pair for pair in listed(field_of(inner, "values")) if isinstance(pair, dict)]
        return fields_of((str(pair.get("key")), value_in(pair.get("value"), levels - 1)) for pair in pairs)
    if kind == "intValue" and isinstance(inner, str) and inner.lstrip("-").isdecimal():
        return int(inner)
    if kind in ("stringValue", "intValue", "doubleValue", "boolValue"):
        return inner
    return None if kind == "bytesValue" else value


def decoded(value: Any, name: str) -> Any:
    """The value of a field; JSON text, which most exporters write, is decoded. Raises Fault."""
    if not isinstance(value, str):
        return value
    try:
        return decoded_once(value, name)
    except (msgspec.DecodeError, RecursionError):
        raise bad_field(name, value, "malformed_json") from None
    except UnicodeEncodeError:
        raise bad_field(name, value, "invalid_unicode") from None


def json_or_text(value: Any, name: str = "") -> Any:
    """The value of a field; text is decoded if it is JSON."""
    if not isinstance(value, str):
        return value
    try:
        return decoded_once(value, name)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return value


def text_in(holder: Mapping[str, Any], *names: str) -> str | None:
    """The text of the first of these fields that has a value, None if none has; raises Fault."""
    for name in names:
        value = holder.get(name)
        if value is not None:
            if not isinstance(value, str):
                raise bad_field(name, value)
            return value
    return None
