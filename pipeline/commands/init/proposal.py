"""The proposed `inputs` section of some logs: what it leaves open, and the section with answers."""

from __future__ import annotations

import collections
import dataclasses
import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import yaml

from pipeline.commands.suggest import suggest
from schemas.errors import InputError
from schemas.mapped.placeholders import PLACEHOLDER
from transforms.sources.suggest.lines import scalar
from transforms.storage.places import is_remote

#: The surface of formats that only one product writes.
_SURFACES = {"claude-code": "code", "claude-export": "chat", "chatgpt-export": "chat"}
_PATH = "  - path: "


class Open(NamedTuple):
    """A line with a placeholder. `key`: see `_key_of`. `more`: it stands for any number of values."""

    key: str
    line: int
    comment: str
    more: bool = False


@dataclasses.dataclass(frozen=True)
class Proposal:
    """The lines of an `inputs` section, without the key `inputs`.

    `opens`: its placeholders in order. `surface`: that of all logs, if their formats have only one.
    """

    lines: list[str]
    opens: list[Open]
    formats: tuple[str, ...]
    unread: dict[str, int]

    @property
    def keys(self) -> list[str]:
        """The keys of all placeholders of one value, each once, in order."""
        return list(dict.fromkeys(each.key for each in self.opens if not each.more))

    @property
    def lists(self) -> list[str]:
        """The keys of all placeholders of any number of values, each once, in order."""
        return list(dict.fromkeys(each.key for each in self.opens if each.more))

    @property
    def surface(self) -> str | None:
        """The surface that the formats imply; None if they imply none, or several."""
        found = {_SURFACES.get(name) for name in self.formats}
        return found.pop() if len(found) == 1 else None

    def comment_of(self, key: str) -> str:
        """The comment of the first placeholder with this key."""
        return next(each.comment for each in self.opens if each.key == key)

    def filled(self, answers: Mapping[str, str]) -> list[str]:
        """The lines with the answers. A placeholder without an answer is left out.

        Answers to a key of any number of values have keys such as `role.helpbot`.
        """
        by_line = {each.line: each for each in self.opens}
        listed = {each.key for each in self.opens if not each.more}
        made = list[str]()
        for number, text in enumerate(self.lines):
            each = by_line.get(number)
            if each is None:
                made.append(text)
            elif each.more:
                indent = text[: len(text) - len(text.lstrip())]
                made += [
                    f"{indent}{scalar(key.removeprefix(f'{each.key}.'))}: {_value(answer)}"
                    for key, answer in answers.items()
                    if key.startswith(f"{each.key}.") and key not in listed
                ]
            elif answers.get(each.key):
                made.append(f"{text.partition(PLACEHOLDER)[0]}{_value(answers[each.key])}")
        return _without_empty(made)


def propose_inputs(paths: Sequence[str], source_format: str | None, folder: Path) -> Proposal:
    """The proposal for the logs at these absolute paths; InputError if one of them cannot be read.

    `folder`: of the configuration, from which its paths start.
    """
    lines, unread = list[str](), collections.Counter[str]()
    for path in paths:
        made = suggest(path, source_format)
        if not made.yaml:
            raise InputError(
                f"{path}: no format was recognised, and no messages were found in JSON or Parquet; "
                "convert the files first, or write `fields` by hand (docs/how-to/own-schema.md)"
            )
        unread.update(made.without)
        section = made.yaml.splitlines()
        lines += [_placed(text, folder) for text in section[section.index("inputs:") + 1 :]]
    formats = [each["format"] for each in yaml.safe_load("\n".join(lines))]
    tree = yaml.compose("\n".join(lines))
    opens = sorted(_opens(tree, (), lines) if tree else (), key=lambda each: each.line)
    return Proposal(lines, opens, tuple(formats), dict(unread))


def placed(pattern: str, folder: Path) -> str:
    """How a configuration in `folder` names an absolute path or glob: relative, if that is short."""
    base, home = str(folder), str(Path.home())
    if is_remote(pattern) or glob.escape(base) != base:
        return pattern
    relative = os.path.relpath(pattern, base)
    if not relative.startswith("../../.."):
        return relative
    return f"~{pattern.removeprefix(home)}" if pattern.startswith(f"{home}/") else pattern


def _placed(text: str, folder: Path) -> str:
    if not text.startswith(_PATH):
        return text
    return f"{_PATH}{scalar(placed(yaml.safe_load(text.removeprefix(_PATH)), folder))}"


def _opens(node: yaml.Node, keys: tuple[str, ...], lines: Sequence[str]) -> Iterator[Open]:
    if isinstance(node, yaml.SequenceNode):
        for child in node.value:
            yield from _opens(child, keys, lines)
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            number = key.start_mark.line
            if key.value == PLACEHOLDER:
                yield Open(_key_of(keys), number, _comment(lines[number]), more=True)
            elif child.value == PLACEHOLDER:
                yield Open(_key_of((*keys, key.value)), number, _comment(lines[number]))
            else:
                yield from _opens(child, (*keys, key.value), lines)


def _key_of(keys: Sequence[str]) -> str:
    """The name of an open value: `tier`, `tier.plus` for a value in the logs, `time_zone`, `group_by`."""
    if keys[-1] == "zone":
        return "time_zone"
    if "values" in keys:
        at = keys.index("values")
        return ".".join((keys[at - 1], *keys[at + 1 :]))
    return keys[-1]


def _comment(text: str) -> str:
    return text.partition(" # ")[2]


def _value(answer: str) -> str:
    return "null" if answer == "null" else scalar(answer)


def _without_empty(lines: Sequence[str]) -> list[str]:
    """The lines without `defaults:` and `values:` that have nothing below them."""
    kept = list[str]()
    for text in reversed(lines):
        indent = len(text) - len(text.lstrip())
        inside = bool(kept) and len(kept[-1]) - len(kept[-1].lstrip()) > indent
        if text.strip() not in ("defaults:", "values:") or inside:
            kept.append(text)
    return kept[::-1]
