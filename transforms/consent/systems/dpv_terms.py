"""Reads terms of the Data Privacy Vocabulary (https://w3id.org/dpv) in JSON: keys, values, references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Node objects by their `@id`, for documents that refer to parts by id.
Nodes = Mapping[str, dict[str, Any]]

_DPV = ("dpv:", "https://w3id.org/dpv#", "https://w3id.org/dpv/owl#", "http://www.w3.org/ns/dpv#")
_DCT = ("dct:", "dcterms:", "http://purl.org/dc/terms/")
_VALUES = ("@id", "@value", "rdf:value")


class Malformed(Exception):  # noqa: N818 - becomes an error that names the file
    """Why a record is invalid, without its values."""


def term(text: str) -> str:
    """`dpv:Marketing` for any spelling of a term of the vocabulary; another text unchanged."""
    for prefix in _DPV:
        if text.startswith(prefix):
            return "dpv:" + text.removeprefix(prefix)
    return text


def get(node: Mapping[str, Any], name: str) -> Any:
    """The value of `dpv:name`, `dct:name`, their IRIs or the bare name; None if there is none."""
    keys = [*(prefix + name for prefix in (*_DPV, *_DCT)), name]
    found = [key for key in keys if node.get(key) is not None]
    if len(found) > 1:
        raise Malformed(f"{found[0]} and {found[1]} are both present")
    return node[found[0]] if found else None


def listed(value: Any) -> list[Any]:
    """The values of a list; a single value as a list; an empty list for None."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def text_of(value: Any) -> str | None:
    """The text of a string, of `{"@value": ...}`, of `{"@id": ...}`, or of a list with one of these."""
    values = listed(value)
    if len(values) != 1:
        return None
    (value,) = values
    if isinstance(value, dict):
        value = next((value[key] for key in _VALUES if key in value), None)
    return value if isinstance(value, str) else None


def types_of(node: Mapping[str, Any]) -> list[str]:
    """The `@type`s of a node as terms. A type without a prefix is a term of the vocabulary."""
    found = listed(node.get("@type", node.get("type")))
    if not all(isinstance(each, str) for each in found):
        raise Malformed("a @type is not a string")
    return [each if ":" in each else f"dpv:{each}" for each in map(term, found)]


def objects_of(value: Any, nodes: Nodes, what: str) -> list[dict[str, Any]]:
    """The node objects of a value, with references resolved."""
    found = []
    for each in listed(value):
        reference = each if isinstance(each, str) else _reference(each)
        target = nodes.get(reference) if reference is not None else each
        if not isinstance(target, dict):
            raise Malformed(f"{what} is neither an object nor the @id of one")
        found.append(target)
    return found


def nodes_of(document: Mapping[str, Any]) -> Nodes:
    """The nodes of a document's `@graph` by id. Malformed if `@context` redefines the prefix `dpv`."""
    for context in listed(document.get("@context")):
        if isinstance(context, dict) and context.get("dpv", _DPV[1]) not in _DPV[1:]:
            raise Malformed("its @context gives the prefix dpv another meaning")
    return {
        node["@id"]: node
        for node in listed(document.get("@graph"))
        if isinstance(node, dict) and isinstance(node.get("@id"), str)
    }


def _reference(value: Any) -> str | None:
    if isinstance(value, dict) and set(value) == {"@id"} and isinstance(value["@id"], str):
        return value["@id"]
    return None
