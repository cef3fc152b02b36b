"""A proposal as lines of YAML with comments."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from schemas.mapped.paths import Steps, text_of
from schemas.mapped.placeholders import PLACEHOLDER
from transforms.sources.suggest.candidates import Chosen

_PLAIN = re.compile(r"[A-Za-z_][\w.\[\]-]*\Z")
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_FIELD_NAME = re.compile(r"[^\W\d][\w -]{0,39}\Z")
_WIDTH = 30


@dataclasses.dataclass
class Proposal:
    """Lines of YAML for `fields` and for `defaults`, without indent; `notes` become comments above them."""

    fields: list[str] = dataclasses.field(default_factory=list)
    defaults: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)
    used: set[Steps] = dataclasses.field(default_factory=set)

    @property
    def is_open(self) -> bool:
        """True if something is left to the user."""
        return any(PLACEHOLDER in each for each in (*self.fields, *self.defaults))

    def add(self, text: str, comment: str = "") -> None:
        """Adds a line of `fields`."""
        self.fields.append(line(text, comment))

    def open_default(self, name: str, comment: str) -> None:
        """Adds a value of `defaults` that the user must give."""
        self.defaults.append(line(f"{name}: {PLACEHOLDER}", comment))

    def needs_time(self) -> None:
        """Leaves the time to the user, unless the records have one."""
        if not any(each.startswith("created_at") for each in self.fields):
            self.open_default("created_at", "no times were found")

    def as_item(self, start: int) -> None:
        """Makes the lines from `start` an item of a list."""
        first, *others = self.fields[start:]
        self.fields[start:] = [f"  - {first.lstrip()}", *(f"  {each}" for each in others)]

    def once(self, name: str, found: Chosen) -> None:
        """Adds a field with its path."""
        self.used.add(found.steps)
        self.add(f"{name}: {path(found.steps)}", or_other(found))

    def time(self, name: str, found: Chosen, indent: str = "", leading: str = "") -> None:
        """Adds a time; `leading`: what is before its name, the indent or a dash."""
        self.used.add(found.steps)
        time, where = found.place.time, path(found.steps)
        if time == "aware":
            self.add(f"{leading}{name}: {where}", or_other(found))
            return
        self.add(f"{leading}{name}:", "")
        self.add(f"{indent}  path: {where}", or_other(found))
        if time == "naive":
            self.add(f"{indent}  zone: {PLACEHOLDER}", "times have no offset; such as Europe/Berlin or UTC")
        else:
            self.add(f"{indent}  unit: {time}", "by the size of the numbers")

    def mapped(
        self,
        name: str,
        found: Chosen,
        listed: Mapping[str, str],
        other: Sequence[int],
        wanted: str,
        comment: str,
        indent: str = "",
        leading: str = "",
    ) -> None:
        """A field with `values`; `other`: the counts of values that are no known words."""
        self.used.add(found.steps)
        where = path(found.steps)
        if not listed and not other:
            self.add(f"{leading}{name}: {where}", or_other(found))
            return
        self.add(f"{leading}{name}:", "")
        self.add(f"{indent}  path: {where}", or_other(found))
        self.add(f"{indent}  values:", "")
        for text, value in listed.items():
            self.add(f"{indent}    {scalar(text)}: {value}", comment if value == PLACEHOLDER else "check")
        if other:
            what = f"{count(len(other), 'more value')} in {count(sum(other), 'place')}, not shown"
            self.add(f"{indent}    {PLACEHOLDER}: {wanted}", f"{what}; a line for each: VALUE: {comment}")


def is_name(step: Any) -> bool:
    """True for the name of a field that is no data, as keys of a mapping may be."""
    return not isinstance(step, str) or _FIELD_NAME.match(step) is not None


def line(text: str, comment: str) -> str:
    """The line with its comment."""
    return f"{text:<{_WIDTH}} # {comment}" if comment else text


def path(steps: Steps) -> str:
    """The path in block YAML."""
    return scalar(text_of(steps))


def quoted_path(steps: Steps) -> str:
    """The path in flow YAML."""
    return f"'{text_of(steps)}'" if "[" in text_of(steps) else path(steps)


def scalar(text: str) -> str:
    """The text as a YAML scalar of a block."""
    if not text.isprintable():  # between single quotes, a line break would become a space
        return yaml.safe_dump(text, default_style='"', width=math.inf).rstrip("\n")
    plain = _PLAIN.match(text) is not None and text.lower() not in _YAML_WORDS
    return text if plain else "'" + text.replace("'", "''") + "'"


def count(number: int, what: str) -> str:
    """A count with its noun."""
    return f"1 {what}" if number == 1 else f"{number:,} {what}s"


def or_other(found: Chosen) -> str:
    """A comment with the path that could be meant instead."""
    shown = found.other is not None and all(map(is_name, found.other))
    return f"or {text_of(found.other or ())}" if shown else ""
