"""Paths of fields in records of an own schema, such as `meta.user.id` or `turns[].text`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated

import pydantic

#: A step of a path: the name of a field, the place of an element (from 0), or EACH.
Step = str | int | None
Steps = tuple[Step, ...]
#: Every element of a list, in order.
EACH = None
_TOKEN = re.compile(
    r"""(?P<dot>\.)?(?:(?P<name>[^.\[\]"]+)|\["(?P<quoted>[^"]+)"\]|\[(?P<place>\d{1,6})\]|(?P<each>\[\]))"""
)
_EXPECTED = 'expected a path such as meta.user.id, turns[].text or ["a.b"].c'


def steps_of(path: str) -> Steps:
    """The steps of a path; ValueError for text that is no path."""
    if path.startswith(("$", "/")):
        raise ValueError(f"{_EXPECTED}; write it without a leading {path[0]}")
    if "[*]" in path:
        raise ValueError(f"{_EXPECTED}; write [] for each element of a list")
    steps: list[Step] = []
    at = 0
    while at < len(path):
        token = _TOKEN.match(path, at)
        is_name = token is not None and token["name"] is not None
        if token is None or bool(token["dot"]) != (is_name and at > 0):
            raise ValueError(_EXPECTED)
        if token["name"] is not None:
            if token["name"] != token["name"].strip():
                raise ValueError(f"{_EXPECTED}; a path has no spaces around names")
            steps.append(token["name"])
        elif token["quoted"] is not None:
            steps.append(token["quoted"])
        else:
            steps.append(EACH if token["each"] else int(token["place"]))
        at = token.end()
    if not steps or not isinstance(steps[0], str):
        raise ValueError(_EXPECTED)
    return tuple(steps)


def text_of(steps: Iterable[Step]) -> str:
    """The path with these steps."""
    text = ""
    for step in steps:
        if isinstance(step, str):
            plain = not set('.[]"$/') & set(step) and step == step.strip()
            text += f"{'.' if text else ''}{step}" if plain else f'["{step}"]'
        else:
            text += "[]" if step is EACH else f"[{step}]"
    return text


def lists_of(steps: Steps) -> list[Steps]:
    """The beginnings of a path that end with EACH, the shortest first."""
    return [steps[: place + 1] for place, step in enumerate(steps) if step is EACH]


def _checked(path: str) -> str:
    steps_of(path)
    return path


def _of_one_value(path: str) -> str:
    if EACH in steps_of(path):
        raise ValueError("[] is for messages; give the path of one value, such as items[0].id")
    return path


def _of_list(path: str) -> str:
    if steps_of(path)[-1] is not EACH:
        raise ValueError("expected the path of a list with [] at its end, such as data[]")
    return path


#: The path of the elements of a list.
ListPath = Annotated[str, pydantic.AfterValidator(_of_list)]
#: The path of any field.
Path = Annotated[str, pydantic.AfterValidator(_checked)]
#: The path of a field that a record has once.
RecordPath = Annotated[str, pydantic.AfterValidator(_of_one_value)]
