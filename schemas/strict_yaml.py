"""Strict YAML: duplicate or unknown keys, wrong types and bad values are errors with file, line and key."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import isodate
import pydantic
import yaml

from schemas.errors import ConfigError

Lines = dict[tuple[str | int, ...], int]


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
Duration = Annotated[Any, pydantic.BeforeValidator(parse_duration)]


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


def load_model[Model: pydantic.BaseModel](
    path: Path, model: type[Model], error: type[ConfigError] = ConfigError, data: bytes | None = None
) -> Model:
    """The file as a `model`; raises `error` with file, line and key. `data`: its bytes, if they are read."""
    tree, lines = load_tree(path, error, data)
    return validate(tree, lines, path, model, error)


def validate[Model: pydantic.BaseModel](
    tree: Any,
    lines: Lines,
    path: Path,
    model: type[Model],
    error: type[ConfigError],
    options: Mapping[str, str] | None = None,
) -> Model:
    """`tree` as a `model`; raises `error` for the first fault, with file, line and key.

    `options` maps dotted keys to the command-line options that set them. A fault there names the option.
    """
    try:
        return model.model_validate(tree)
    except pydantic.ValidationError as caught:
        faults = caught.errors(include_url=False, include_input=False)
        # A misspelt key is one unknown key and one missing key; the unknown one is in the file, so report it
        # first.
        fault = next((each for each in faults if each["type"] == "extra_forbidden"), faults[0])
        keys = tuple(
            k for k in fault["loc"] if isinstance(k, int) or not k.startswith(("function-", "tagged-"))
        )
        keys = _without_tags(tree, keys)
        message = fault_text(fault["msg"])
        unknown = fault["type"] == "extra_forbidden"
        if unknown:
            message = "unknown key; check its spelling"
        elif fault["type"] == "union_tag_not_found":
            message = "format is missing; add it"
        elif fault["type"] == "union_tag_invalid":
            message = f"unknown format; expected one of {fault['ctx']['expected_tags']}"
        where = _option(keys, options or {}, unknown) or f"{path}:{line_of(lines, keys)}: {dotted_key(keys)}"
        raise error(f"{where}: {message}") from None


def fault_text(message: str) -> str:
    """A message of pydantic in the wording of our own errors."""
    text = message.removeprefix("Value error, ")
    return text.replace("Input should be ", "expected ", 1).replace(
        "expected a valid integer", "expected an integer"
    )


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
    """The keys without the `format` values that pydantic inserts for discriminated unions."""
    found: list[str | int] = []
    for key in keys:
        if isinstance(tree, dict) and key not in tree and key == tree.get("format"):
            continue
        found.append(key)
        if isinstance(tree, dict):
            tree = tree.get(key)
        elif isinstance(tree, list) and isinstance(key, int) and key < len(tree):
            tree = tree[key]
    return tuple(found)


def line_of(lines: Lines, keys: tuple[str | int, ...]) -> int:
    """The line of a key; for a key that is not in the file, the line of the innermost mapping around it."""
    return next((lines[keys[:n]] for n in range(len(keys), -1, -1) if keys[:n] in lines), 1)


def dotted_key(keys: tuple[str | int, ...]) -> str:
    """`inputs[0].path` for ("inputs", 0, "path")."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "the file"


def override(tree: Any, dotted: str, value: Any, error: type[ConfigError]) -> None:
    """Sets `a.b.c` of `tree` to `value`, creating missing mappings; a number indexes a list."""
    keys = dotted.split(".")
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if isinstance(tree, list):
            if not key.isdigit() or int(key) >= len(tree):
                raise error(f"--set {dotted}: the list has no element {key}; elements are numbered from 0")
            if last:
                tree[int(key)] = value
            else:
                tree = tree[int(key)]
        elif isinstance(tree, dict):
            if last:
                tree[key] = value
            else:
                if tree.get(key) is None:
                    tree[key] = {}
                tree = tree[key]
        else:
            raise error(f"--set {dotted}: {'.'.join(keys[:position])} is not a mapping; check the key")


def bytes_of(path: Path, error: type[ConfigError] = ConfigError) -> bytes:
    """The bytes of a file; raises `error` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as caught:
        raise error(f"{path}: cannot be read: {caught.strerror}") from None


def load_tree(
    path: Path, error: type[ConfigError] = ConfigError, data: bytes | None = None
) -> tuple[Any, Lines]:
    """The values of a YAML file, and the line of each key; duplicate keys raise `error`.

    `data`: the bytes of the file, if they are read. A digest of the same bytes is that of the values.
    """
    try:
        text = (bytes_of(path, error) if data is None else data).decode()
    except UnicodeDecodeError:
        raise error(f"{path}: cannot be read: not UTF-8 text") from None
    try:
        node = yaml.compose(text, Loader=_Loader)
        lines: Lines = {(): 1}
        tree = {} if node is None else _build(node, (), lines, path, error)
    except yaml.MarkedYAMLError as caught:
        line = caught.problem_mark.line + 1 if caught.problem_mark else 1
        raise error(f"{path}:{line}: not valid YAML: {caught.problem}") from None
    except yaml.YAMLError:
        raise error(f"{path}:1: not valid YAML") from None
    return tree, lines


class _Loader(yaml.SafeLoader):
    """SafeLoader that leaves times as text, so that a missing offset is detected."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _build(
    node: yaml.Node, where: tuple[str | int, ...], lines: Lines, path: Path, error: type[ConfigError]
) -> Any:
    if isinstance(node, yaml.MappingNode):
        tree: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise error(f"{path}:{line}: {dotted_key(where)}: a key must be text; put it in quotes")
            if key in tree:
                raise error(f"{path}:{line}: {dotted_key((*where, key))}: duplicate key; remove one")
            lines[(*where, key)] = line
            tree[key] = _build(value_node, (*where, key), lines, path, error)
        return tree
    if isinstance(node, yaml.SequenceNode):
        items = []
        for position, item in enumerate(node.value):
            lines[(*where, position)] = item.start_mark.line + 1
            items.append(_build(item, (*where, position), lines, path, error))
        return items
    loader = _Loader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        raise error(
            f"{path}:{node.start_mark.line + 1}: {dotted_key(where)}: unreadable value; put text in quotes"
        ) from None
    finally:
        loader.dispose()
