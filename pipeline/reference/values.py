"""Values of configurations as a user would write them in YAML."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import yaml


def yaml_text(value: Any, inside: bool = False) -> str:
    """A JSON value in YAML, on one line; texts have quotes only where YAML needs them.

    `inside`: of a list or mapping in brackets.
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {yaml_text(each, True)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(yaml_text(each, True) for each in value) + "]"
    if isinstance(value, str) and _is_plain(value, inside):
        return value
    return msgspec.json.encode(value).decode()


def _is_plain(text: str, inside: bool) -> bool:
    """True for text that is the same value without quotes. Times count as text: the models take both."""
    try:
        typed = yaml.safe_load(text)
        found = yaml.load(f"[{text}]" if inside else text, yaml.BaseLoader)  # noqa: S506 - text only
    except yaml.YAMLError:
        return False
    return found == ([text] if inside else text) and isinstance(typed, str | dt.date)


def size_text(size: int) -> str:
    """A number of bytes with the largest binary unit that leaves a whole number."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size % factor == 0:
            return f"{size // factor}{unit}"
    return str(size)
