"""Strict models of YAML files: unknown keys, wrong types and bad values are errors with line and key."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import isodate
import pydantic

from schemas.errors import ConfigError
from schemas.known_keys import closest, known_keys
from schemas.mapped.placeholders import PLACEHOLDER, placeholders_in
from schemas.yaml_tree import Lines, dotted_key, line_of, load_tree

_SIZE = re.compile(r"(\d+)\s*(B|KB|MB|GB|KiB|MiB|GiB)?\Z")
_FACTOR = {None: 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}


class StrictModel(pydantic.BaseModel):
    """A frozen pydantic model without unknown keys and without type conversion."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True, strict=True)


def parse_duration(value: object) -> isodate.Duration | dt.timedelta:
    """A duration from ISO 8601 text such as P5Y, P30D or PT36H; years and months stay calendar units."""
    if isinstance(value, isodate.Duration | dt.timedelta):
        return value
    try:
        return isodate.parse_duration(value if isinstance(value, str) else "")
    except (isodate.ISO8601Error, ArithmeticError, ValueError):
        raise ValueError("expected an ISO 8601 duration such as P5Y, P30D or PT36H") from None


#: A field type: an ISO 8601 duration, with calendar years and months.
Duration = Annotated[
    Any,
    pydantic.BeforeValidator(parse_duration),
    pydantic.WithJsonSchema({"type": "string", "pattern": "^P", "examples": ["P5Y", "P30D", "PT36H"]}),
]


def parse_instant(value: object) -> dt.datetime:
    """A UTC datetime from RFC 3339 text with an offset; ValueError without one."""
    try:
        instant = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    except ValueError:
        raise ValueError("expected an RFC 3339 time such as 2025-09-28T23:59:59Z") from None
    if instant.tzinfo is None:
        raise ValueError("expected a time with an offset, such as 2025-09-28T23:59:59Z")
    return instant.astimezone(dt.UTC)


#: A field type: an instant, in UTC.
Instant = Annotated[dt.datetime, pydantic.BeforeValidator(parse_instant)]


def parse_size(value: object) -> int:
    """A number of bytes, from 1048576, "64MiB" or "1 GB"."""
    found = _SIZE.match(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if not found:
        raise ValueError("expected a size such as 1048576, 64MiB or 1 GB")
    return int(found.group(1)) * _FACTOR[found.group(2)]


#: A field type: a number of bytes above zero.
Size = Annotated[
    int,
    pydantic.BeforeValidator(parse_size),
    pydantic.Field(gt=0),
    pydantic.WithJsonSchema(
        {
            "anyOf": [
                {"type": "integer", "exclusiveMinimum": 0},
                {
                    "type": "string",
                    "pattern": r"^[0-9]+\s*([KMG]?B|[KMG]iB)?$",
                    "examples": ["64MiB", "1 GB"],
                },
            ]
        }
    ),
]


def _without_variables(path: str) -> str:
    if "${" in path:
        raise ValueError("${...} is not expanded here; write the path")
    return path


#: A field type: a path that is created. A variable in it would become the name of a folder.
NewPath = Annotated[str, pydantic.AfterValidator(_without_variables)]


def load_model[Model: pydantic.BaseModel](
    path: Path | str, model: type[Model], error: type[ConfigError] = ConfigError, data: bytes | None = None
) -> Model:
    """The file as a `model`; raises `error` with file, line and key. `data`: its bytes, if they are read."""
    tree, lines = load_tree(path, error, data)
    return validate(tree, lines, path, model, error)


def validate[Model: pydantic.BaseModel](
    tree: Any,
    lines: Lines,
    path: Path | str,
    model: type[Model],
    error: type[ConfigError],
    options: Mapping[str, str] | None = None,
) -> Model:
    """`tree` as a `model`; raises `error` with a line for each fault: file, line, key and cure.

    Without `lines`, faults have no line: the values come from no file, and `path` names them. `options` maps
    dotted keys to the command-line options that set them. A fault there names the option.
    """
    texts: dict[tuple[str | int, ...], str] = dict.fromkeys(placeholders_in(tree), _PLACEHOLDER)
    if texts:
        raise error(*(_line(path, lines, keys, texts[keys], options or {}) for keys in texts))
    try:
        return model.model_validate(tree)
    except pydantic.ValidationError as caught:
        found = [
            (_without_tags(tree, _without_functions(fault["loc"])), fault)
            for fault in caught.errors(include_url=False, include_input=False)
        ]
    meant: set[tuple[str | int, ...]] = set()
    for keys, fault in found:
        if fault["type"] == "extra_forbidden":
            known = known_keys(model, tree, keys[:-1])
            guess = closest(str(keys[-1]), (name for name in known if name not in _at(tree, keys[:-1])))
            texts[keys] = _unknown_key(guess, known)
            if guess:
                meant.add((*keys[:-1], guess))
    for keys, fault in found:
        # A misspelt key is one unknown key and one missing key: one fault.
        if keys not in meant:
            texts.setdefault(keys, fault_text(fault, _at(tree, keys)))
    ordered = sorted(texts, key=lambda keys: (line_of(lines, keys), [str(key) for key in keys]))
    raise error(*(_line(path, lines, keys, texts[keys], options or {}) for keys in ordered)) from None


def _line(
    path: Path | str, lines: Lines, keys: tuple[str | int, ...], text: str, options: Mapping[str, str]
) -> str:
    option = _option(keys, options, text.startswith(_UNKNOWN))
    where = f"{path}:{line_of(lines, keys)}" if lines else str(path)
    return f"{option or f'{where}: {dotted_key(keys)}'}: {text}"


_UNKNOWN = "unknown key; "
_PLACEHOLDER = f"{PLACEHOLDER} is a placeholder; put the value there, or remove the line"


def _unknown_key(guess: str | None, known: Sequence[str]) -> str:
    if guess:
        return f"{_UNKNOWN}did you mean {guess}?"
    if not known:
        return f"{_UNKNOWN}remove it"
    return f"{_UNKNOWN}known here: {', '.join(known)}"


def _without_functions(keys: Sequence[str | int]) -> tuple[str | int, ...]:
    """The keys without the parts that pydantic inserts for validators and unions."""
    return tuple(k for k in keys if isinstance(k, int) or not k.startswith(("function-", "tagged-")))


def _at(tree: Any, keys: Sequence[str | int]) -> Any:
    """The value at these keys; an empty mapping where there is none."""
    for key in keys:
        if isinstance(tree, dict):
            tree = tree.get(key)
        elif isinstance(tree, list) and isinstance(key, int) and key < len(tree):
            tree = tree[key]
        else:
            return {}
    return {} if tree is None else tree


#: Our words for faults of pydantic, by their type; `{...}` are values of its context.
_TEXTS = {
    "missing": "is missing; add it",
    "string_type": "expected text; put it in quotes",
    "int_type": "expected a whole number, without quotes",
    "int_parsing": "expected a whole number, without quotes",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number, without quotes",
    "float_parsing": "expected a number, without quotes",
    "bool_type": "expected true or false, without quotes",
    "bool_parsing": "expected true or false, without quotes",
    "list_type": "expected a list; write each element on a line that begins with a dash",
    "dict_type": "expected a mapping of keys to values",
    "model_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
    "union_tag_not_found": "format is missing; add it",
    "union_tag_invalid": "unknown format; expected one of {expected_tags}",
    "greater_than": "expected more than {gt}",
    "greater_than_equal": "expected {ge} or more",
    "less_than": "expected less than {lt}",
    "less_than_equal": "expected {le} or less",
    "string_too_short": "is empty; give a value",
    "too_short": "expected at least {min_length}; add one",
}


def fault_text(fault: Mapping[str, Any], value: Any) -> str:
    """A fault of pydantic in our words. `value`: what the file has; of it only a short word is repeated."""
    context = fault.get("ctx", {})
    if fault["type"] == "string_type" and isinstance(value, list | dict):
        return f"expected text, not a {'list' if isinstance(value, list) else 'mapping'}; give one value"
    if fault["type"] in _TEXTS:
        words = {name: str(each).removesuffix(".0") for name, each in context.items()}
        return _TEXTS[fault["type"]].format(**words) + _tag_meant(context)
    text = str(fault["msg"]).removeprefix("Value error, ").replace("Input should be ", "expected ", 1)
    if fault["type"] == "literal_error" and isinstance(value, str):
        guess = closest(value, re.findall(r"'([^']*)'", context["expected"]))
        return f"{text}; did you mean '{guess}'?" if guess else text
    return text


def _tag_meant(context: Mapping[str, Any]) -> str:
    """`; did you mean 'fides'?` for a `format` or `name` that is none of a union's."""
    known = re.findall(r"'([^']*)'", context.get("expected_tags", ""))
    guess = closest(str(context.get("tag", "")), known)
    return f"; did you mean '{guess}'?" if guess else ""


def _option(keys: tuple[str | int, ...], options: Mapping[str, str], unknown: bool) -> str | None:
    """The command-line option that set the value at these keys, None if it comes from the file."""
    place = ".".join(map(str, keys))
    for dotted, option in options.items():
        if place == dotted or (unknown and dotted.startswith(f"{place}.")):
            return option
        if place.startswith(f"{dotted}."):
            return f"{option}: {dotted_key(keys)}"
    return None


def _without_tags(tree: Any, keys: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The keys without the values of `format` or `name` that pydantic inserts for discriminated unions.

    Also without those of a longer form where the file has a shorter one: a text for a mapping with `path`, or
    a mapping for a list of one.
    """
    found: list[str | int] = []
    for key in keys:
        if found and isinstance(tree, str):
            break
        if isinstance(tree, dict) and isinstance(key, int):
            continue
        tags = (tree.get("format"), tree.get("name", "direct")) if isinstance(tree, dict) else ()
        if isinstance(tree, dict) and key not in tree and key in tags:
            continue
        found.append(key)
        if isinstance(tree, dict):
            tree = tree.get(key)
        elif isinstance(tree, list) and isinstance(key, int) and key < len(tree):
            tree = tree[key]
    return tuple(found)
