"""What a JSON Schema of pydantic accepts, in plain words; and the models within it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.reference.markdown import code

_Schema = dict[str, Any]
_FORMATS = {"date-time": "time", "date": "date", "duration": "duration", "password": "text"}


def type_words(schema: _Schema) -> str:
    """The type of a key, such as "whole number, 1 or more" or "one of `a`, `b`"; null is not mentioned."""
    if "$ref" in schema:
        return "mapping"
    if "const" in schema:
        return code(str(schema["const"]))
    if "enum" in schema:
        return "one of " + ", ".join(code("null" if one is None else str(one)) for one in schema["enum"])
    if forms := alternatives(schema):
        words = list(dict.fromkeys(map(type_words, forms)))
        return "size" if words == ["whole number, more than 0", "text"] else " or ".join(words)
    return _simple(schema)


def _simple(schema: _Schema) -> str:
    kind = schema.get("type")
    if kind == "array":
        return f"list of {type_words(schema['items'])}".replace("list of mapping", "list of mappings")
    if kind == "object":
        inner = schema.get("additionalProperties", True)
        return "mapping" if isinstance(inner, bool) else f"mapping of name to {type_words(inner)}"
    if kind == "boolean":
        return "`true` or `false`"
    if kind in ("integer", "number"):
        return ("whole number" if kind == "integer" else "number") + _range(schema)
    if schema.get("pattern", "").startswith("^(P|"):
        return "date or duration"
    if schema.get("pattern") == "^P":
        return "duration"
    return _FORMATS.get(schema.get("format", ""), "text")


def _range(schema: _Schema) -> str:
    least, most = schema.get("minimum"), schema.get("maximum")
    above = schema.get("exclusiveMinimum")
    if above is not None:
        return f", more than {above}" + ("" if most is None else f", {most:,} at most")
    if least is None:
        return ""
    return f", {least} or more" if most is None else f", {least} to {most:,}"


def described(root: _Schema, schema: _Schema) -> _Schema:
    """The schema of a key with its description: pydantic leaves one out that its model has, too."""
    named = root["$defs"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else {}
    return {"description": named.get("description", ""), **schema} if named else schema


def alternatives(schema: _Schema) -> list[_Schema]:
    """The forms of a value that may have several, without null; empty for a value of one form."""
    listed: list[_Schema] = schema.get("anyOf") or schema.get("oneOf") or []
    return [one for one in listed if one.get("type") != "null"]


def named_models(root: _Schema, schema: _Schema) -> Iterator[tuple[str, list[_Schema]]]:
    """The models in the value of a key: what follows the key in their place, and the forms of the mapping."""
    found: dict[str, list[_Schema]] = {}
    for suffix, model in _models(root, schema):
        if model not in found.setdefault(suffix, []):
            found[suffix].append(model)
    # A mapping in place of a list of one is written like an element of the list.
    if "" in found and found.get("[]") == found[""]:
        del found[""]
    yield from found.items()


def _models(root: _Schema, schema: _Schema) -> Iterator[tuple[str, _Schema]]:
    if "$ref" in schema:
        yield from _models(root, root["$defs"][schema["$ref"].rpartition("/")[2]])
        return
    for one in alternatives(schema):
        for suffix, model in _models(root, one):
            # The short form of a mapping: the description is that of both forms.
            yield suffix, {"description": schema.get("description", ""), **model}
    if schema.get("properties"):
        yield "", schema
    inner = schema.get("additionalProperties")
    for suffix, below in (("[]", schema.get("items")), (".NAME", inner)):
        if isinstance(below, dict):
            for further, model in _models(root, below):
                yield suffix + further, model
