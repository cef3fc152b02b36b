"""Labelled short sentences from `short_sentences.yaml`, by kind of name, and sentences about things."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

_PATH = Path(__file__).with_suffix(".yaml")
#: How many sentences of each kind. Each thing is in two sentences before the things are limited.
COUNTS = {"word": 340, "nick": 320, "surname": 320, "full": 300, "lower": 400, "reversed": 150}
THINGS, _FRAMES_OF_A_THING = 266, 2
#: The frames of the kinds that have their own; the others are in `sentences`.
_FRAMES = {"lower": "lower", "reversed": "reversed"}
_SLOT = re.compile(r"\{[NMRT]\}")


class Sentence(NamedTuple):
    """A text, its kind, and the places of its names [start, end); `thing` is the place of a thing instead."""

    kind: str
    text: str
    names: list[tuple[int, int]]
    thing: tuple[int, int] | None


def short_sentences(seed: int) -> Iterator[Sentence]:
    """The same sentences for a seed: those of `COUNTS`, then `THINGS` without a person."""
    data: dict[str, Any] = yaml.safe_load(_PATH.read_text("utf-8"))
    random_ = random.Random(seed)
    for kind, count in COUNTS.items():
        names = data["names"][kind]
        frames = data[_FRAMES.get(kind, "sentences")]
        pairs = [(frame, name) for frame in frames for name in names]
        for frame, name in random_.sample(pairs, count):
            other = random_.choice([one for one in names if one != name])
            text, places = _filled(frame, name, other)
            yield Sentence(kind, text, places, None)
    things = [
        _filled(frame, thing, thing)
        for thing in data["names"]["thing"]
        for frame in random_.sample(data["things"], _FRAMES_OF_A_THING)
    ]
    for text, places in random_.sample(things, THINGS):
        yield Sentence("thing", text, [], places[0])


def _filled(frame: str, name: str, other: str) -> tuple[str, list[tuple[int, int]]]:
    """The frame with its slots filled, `other` in {M}, and the places of the slots."""
    text, places, end = "", [], 0
    for slot in _SLOT.finditer(frame):
        text += frame[end : slot.start()]
        value = other if slot.group() == "{M}" else name
        places.append((len(text), len(text) + len(value)))
        text += value
        end = slot.end()
    return text + frame[end:], places
