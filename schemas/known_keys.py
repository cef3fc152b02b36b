"""The keys that a configuration may have at a place, from the JSON Schema of its model."""

from __future__ import annotations

import difflib
import functools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # help and completion need `closest` alone
    import pydantic

#: A shorter word begins too many others.
_SHORTEST = 3


@functools.cache
def json_schema_of(model: type[pydantic.BaseModel]) -> dict[str, Any]:
    """The JSON Schema of a model, as pydantic makes it."""
    return model.model_json_schema()


def known_keys(model: type[pydantic.BaseModel], tree: Any, keys: Sequence[str | int]) -> list[str]:
    """The keys that the mapping at `keys` of `tree` may have, in the model's order; none for another value.

    Of several alternatives it is the one whose fixed value (`format`, `name`) the tree has, else all.
    """
    schema = json_schema_of(model)
    found = _alternatives(schema, schema, tree)
    for key in keys:
        tree = _child(tree, key)
        found = [each for one in found for each in _alternatives(schema, _below(one, key), tree)]
    return list(dict.fromkeys(name for one in found for name in one.get("properties", {})))


def closest(word: str, words: Iterable[str]) -> str | None:
    """The word that was probably meant: one that begins so, or a similar one; None if there is none."""
    by_fold = {each.casefold(): each for each in words}
    longer = [each for each in by_fold if len(word) >= _SHORTEST and each.startswith(word.casefold())]
    found = longer or difflib.get_close_matches(word.casefold(), by_fold, n=1, cutoff=0.6)
    return by_fold[found[0]] if found else None


def _child(tree: Any, key: str | int) -> Any:
    if isinstance(tree, dict):
        return tree.get(key)
    is_element = isinstance(tree, list) and isinstance(key, int) and key < len(tree)
    return tree[key] if is_element else None


def _below(schema: dict[str, Any], key: str | int) -> dict[str, Any]:
    if isinstance(key, int):
        items: dict[str, Any] = schema.get("items", {})
        return items
    further = schema.get("additionalProperties")
    below = schema.get("properties", {}).get(key, further if isinstance(further, dict) else {})
    return dict(below)


def _alternatives(root: dict[str, Any], schema: dict[str, Any], tree: Any) -> list[dict[str, Any]]:
    """The schema with references resolved, or the alternatives of it that fit the tree."""
    if "$ref" in schema:
        return _alternatives(root, root["$defs"][schema["$ref"].rpartition("/")[2]], tree)
    listed = schema.get("oneOf") or schema.get("anyOf")
    if not listed:
        return [schema]
    some = [each for one in listed for each in _alternatives(root, one, tree)]
    fixed = [each for each in some if _has_fixed(each)]
    return [each for each in fixed if _fits(each, tree)] or some


def _has_fixed(schema: dict[str, Any]) -> bool:
    return any("const" in each for each in schema.get("properties", {}).values())


def _fits(schema: dict[str, Any], tree: Any) -> bool:
    given = tree if isinstance(tree, dict) else {}
    return all(
        given.get(name, each.get("default")) == each["const"]
        for name, each in schema.get("properties", {}).items()
        if "const" in each
    )
