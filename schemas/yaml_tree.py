"""YAML files as trees of values with the line of each key; duplicate keys and too large files are errors."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from schemas.errors import ConfigError

#: What to do, by the message of the YAML parser.
_CURES = [
    (re.compile(pattern), cure)
    for pattern, cure in {
        r"expected ',' or '[}\]]', but got '[\[{]'": "put text with [ or { within {...} in quotes",
        r"expected ',' or '[}\]]'": "close the bracket that is open in this line or above",
        r"character '\\t'": "indent with spaces, not with tabs",
        r"found character": "put the value in quotes",
        r"mapping values are not allowed|did not find expected|could not find expected ':'|"
        r"expected <block end>": "align the key with its neighbours, with a space after its colon; "
        "put text with a colon in quotes",
        r"alias|alphabetic or numeric": "put text that begins with * or & in quotes",
        r"another document": "write one document, without --- below the first line",
    }.items()
]
_OTHER_CURE = "check quotes and indentation here and in the line above"
Lines = dict[tuple[str | int, ...], int]
#: A configuration file above these limits is refused. The largest one that is shipped has 3 kB.
MAX_CHARACTERS = 256 << 10
#: A character has at most four bytes in UTF-8.
MAX_BYTES = 4 * MAX_CHARACTERS
#: Keys and values, each as often as aliases repeat it.
MAX_VALUES = 10_000
MAX_LEVELS = 32


def line_of(lines: Lines, keys: tuple[str | int, ...]) -> int:
    """The line of a key; for a key that is not in the file, the line of the innermost mapping around it."""
    return next((lines[keys[:n]] for n in range(len(keys), -1, -1) if keys[:n] in lines), 1)


def dotted_key(keys: tuple[str | int, ...]) -> str:
    """`inputs[0].path` for ("inputs", 0, "path")."""
    text = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys)
    return text.removeprefix(".") or "the file"


def override(tree: Any, dotted: str, value: Any, error: type[ConfigError], name: str | None = None) -> None:
    """Sets `a.b.c` of `tree` to `value`, creating missing mappings; a number indexes a list.

    `name`: what gave the value, for errors; by default the option --set.
    """
    name = name or f"--set {dotted}"
    keys = dotted.split(".")
    for position, key in enumerate(keys):
        last = position == len(keys) - 1
        if isinstance(tree, list):
            if not key.isdigit() or int(key) >= len(tree):
                raise error(f"{name}: the list has no element {key}; elements are numbered from 0")
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
            raise error(f"{name}: {'.'.join(keys[:position])} is not a mapping; check the key")


def bytes_of(path: Path, error: type[ConfigError] = ConfigError) -> bytes:
    """The bytes of a small file; raises `error` if it cannot be read, or is longer than any file may be."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as caught:
        raise error(f"{path}: cannot be read: {caught.strerror}") from None
    if len(data) > MAX_BYTES:
        raise error(_too_long(path))
    return data


def _too_long(path: Path | str) -> str:
    return f"{path}: longer than {MAX_CHARACTERS:,} characters; expected a small configuration file"


def load_tree(
    path: Path | str, error: type[ConfigError] = ConfigError, data: bytes | None = None
) -> tuple[Any, Lines]:
    """The values of a YAML file, and the line of each key; duplicate keys raise `error`.

    So does a file above 262,144 characters, 10,000 keys and values (an alias counts as all that it repeats),
    or 32 levels. `data`: the bytes of the file, if they are read. A digest of the same bytes is that of the
    values.
    """
    try:
        text = (bytes_of(Path(path), error) if data is None else data).decode()
    except UnicodeDecodeError:
        raise error(f"{path}: cannot be read: not UTF-8 text") from None
    if len(text) > MAX_CHARACTERS:
        raise error(_too_long(path))
    try:
        node = yaml.compose(text, Loader=_Loader)
        lines: Lines = {(): 1}
        faults: list[str] = []
        tree = {} if node is None else _build(node, (), lines, path, faults)
    except _TooLarge as caught:
        raise error(f"{path}:{caught.line}: {caught}") from None
    except yaml.MarkedYAMLError as caught:
        line = caught.problem_mark.line + 1 if caught.problem_mark else 1
        problem = str(caught.problem)
        cure = next((cure for pattern, cure in _CURES if pattern.search(problem)), _OTHER_CURE)
        raise error(f"{path}:{line}: not valid YAML: {problem}; {cure}") from None
    except yaml.YAMLError:
        raise error(f"{path}:1: not valid YAML") from None
    if faults:
        raise error(*faults)
    return tree, lines


class _TooLarge(Exception):  # noqa: N818 - becomes the error of the caller
    """What is exceeded, from this line on."""

    def __init__(self, what: str, line: int) -> None:
        super().__init__(what)
        self.line = line


def _check_size(levels: int, values: int, line: int) -> None:
    if levels > MAX_LEVELS:
        raise _TooLarge(f"nested deeper than {MAX_LEVELS} levels; check the brackets", line)
    if values > MAX_VALUES:
        raise _TooLarge(
            f"more than {MAX_VALUES:,} keys and values, aliases written out; shorten the file", line
        )


class _Loader(yaml.SafeLoader):
    """SafeLoader that leaves times as text, so that a missing offset is detected; of bounded size."""

    _levels = _values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next value; raises _TooLarge before it has read a file that is too deep or long."""
        self._values += 1
        self._levels += 1
        _check_size(self._levels - 1, self._values, self.line + 1)
        node = super().compose_node(parent, index)
        self._levels -= 1
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _build(
    node: yaml.Node, where: tuple[str | int, ...], lines: Lines, path: Path | str, faults: list[str]
) -> Any:
    """The value of a node. Adds the line of each key to `lines`, and a line for each fault to `faults`."""
    _check_size(len(where), len(lines), node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        tree: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            line = key_node.start_mark.line + 1
            if not isinstance(key, str):
                faults.append(f"{path}:{line}: {dotted_key(where)}: a key must be text; put it in quotes")
                continue
            if key in tree:
                faults.append(f"{path}:{line}: {dotted_key((*where, key))}: duplicate key; remove one")
            lines[(*where, key)] = line
            tree[key] = _build(value_node, (*where, key), lines, path, faults)
        return tree
    if isinstance(node, yaml.SequenceNode):
        items = []
        for position, item in enumerate(node.value):
            lines[(*where, position)] = item.start_mark.line + 1
            items.append(_build(item, (*where, position), lines, path, faults))
        return items
    loader = _Loader("")
    try:
        return loader.construct_object(node)
    except (yaml.YAMLError, ValueError):
        faults.append(
            f"{path}:{node.start_mark.line + 1}: {dotted_key(where)}: unreadable value; put text in quotes"
        )
        return None
    finally:
        loader.dispose()
