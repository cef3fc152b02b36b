"""Labelled texts from `frames.yaml` and `sentences.yaml`: little support for a name, and words that could be one."""

from __future__ import annotations

import functools
import importlib.resources
import random
import re
from collections.abc import Iterator, Mapping, Sequence

import yaml

from transforms.sample.texts.fill import Template, fill
from transforms.training.renamed import renamed
from transforms.training.sentences import sentence

_Labelled = tuple[str, list[tuple[int, int, str]]]
SOURCE_WORD = re.compile(r"<<(identifier|acronym)(\d*)>>")
_SHARE_PEOPLE = 0.6
_SHARE_RENAMED = 0.75
#: Texts from the grammar of short sentences, and how many of them are in lower case beside those of `renamed`.
_SHARE_SENTENCES = 0.6
_SHARE_LOWER = 0.15
_MOST_JOINED = 3


def framed(count: int, seed: int, words: Mapping[str, Sequence[str]]) -> Iterator[_Labelled]:
    """`count` texts of one to three frames, the same for a seed. `words` has the identifiers and acronyms."""
    random_ = random.Random(seed)
    for _ in range(count):
        text, spans = "", []
        for n in range(random_.randint(1, _MOST_JOINED)):
            part, found = _filled(random_, words)
            text += random_.choice(["\n", "\n\n", " "]) if n else ""
            spans += [(len(text) + start, len(text) + end, label) for start, end, label in found]
            text += part
        yield text, spans


def _filled(random_: random.Random, words: Mapping[str, Sequence[str]]) -> _Labelled:
    kind = "people" if random_.random() < _SHARE_PEOPLE else "nothing"
    short = random_.random() < _SHARE_SENTENCES
    frame = sentence(kind, random_) if short else random_.choice(frames()[kind])
    chosen: dict[str, str] = {}

    def word(slot: re.Match[str]) -> str:
        return chosen.setdefault(slot.group(), random_.choice(words[slot.group(1)]))

    made = fill(Template(kind, "chat", SOURCE_WORD.sub(word, frame)), random_)
    text, spans = made.text, list(made.spans)
    if random_.random() < _SHARE_RENAMED:
        text, spans = renamed(text, spans, random_)
    if short and random_.random() < _SHARE_LOWER and len(text.lower()) == len(text):
        text = text.lower()
    return text, spans


@functools.cache
def frames() -> dict[str, list[str]]:
    """The frames with `people` and with `nothing`."""
    data = importlib.resources.files("transforms.training").joinpath("frames.yaml").read_text("utf-8")
    found: dict[str, list[str]] = yaml.safe_load(data)
    return found
