"""Kinds of files and their columns: names and types from schemas, meanings as text."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

#: By column, when it is null ("" for never) and what it means.
Columns = Mapping[str, tuple[str, str]]
_JSON_TYPES = {int: "integer", float: "number", bool: "boolean", dict: "object", tuple: "list"}


class File(NamedTuple):
    """A kind of file. `title`: its path in Markdown. `text`: what it is, as paragraphs.

    `types`: the Arrow schema, the model of the JSON document, or the type of each column by name.
    """

    title: str
    text: str
    types: pa.Schema | type[msgspec.Struct] | Mapping[str, str]
    columns: Columns


def types_of(file: File) -> dict[str, str]:
    """The type of each column by name; `a.b` is in a struct, `a[].b` in a list of structs."""
    if isinstance(file.types, pa.Schema):
        return dict(_arrow_columns(file.types, ""))
    if isinstance(file.types, Mapping):
        return dict(file.types)
    return dict(_json_fields(file.types, ""))


def _arrow_columns(fields: Any, prefix: str) -> Iterator[tuple[str, str]]:
    for field in fields:
        name, kind, marks = f"{prefix}{field.name}", field.type, ""
        yield name, _arrow_type(kind)
        while pa.types.is_list(kind):
            kind, marks = kind.value_type, f"{marks}[]"
        if pa.types.is_struct(kind):
            yield from _arrow_columns([kind.field(n) for n in range(kind.num_fields)], f"{name}{marks}.")


def _arrow_type(kind: pa.DataType) -> str:
    if pa.types.is_list(kind):
        return f"list of {_arrow_type(kind.value_type)}"
    if pa.types.is_struct(kind):
        return "struct"
    if pa.types.is_dictionary(kind):
        return f"dictionary of {kind.value_type}"
    return str(kind).replace("[us, tz=UTC]", "[us, UTC]").replace("date32[day]", "date32")


def _json_fields(model: type[msgspec.Struct], prefix: str) -> Iterator[tuple[str, str]]:
    for field in msgspec.structs.fields(model):
        name, kind = f"{prefix}{field.encode_name}", _without_null(field.type)
        listed = typing.get_origin(kind) is list
        inner = typing.get_args(kind)[0] if listed else kind
        yield (
            name,
            f"list of {_json_type(inner)}".replace("object", "objects") if listed else _json_type(inner),
        )
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield from _json_fields(inner, f"{name}[]." if listed else f"{name}.")


def _without_null(kind: Any) -> Any:
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return next(each for each in typing.get_args(kind) if each is not type(None))
    return kind


def _json_type(kind: Any) -> str:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return "object"
    return _JSON_TYPES.get(typing.get_origin(kind) or kind, "text")
