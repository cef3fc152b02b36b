"""Short sentences from the grammar of `sentences.yaml`: one name, brand, program or place, and few other words."""

from __future__ import annotations

import functools
import importlib.resources
import random
import re
from typing import Any

import yaml

from transforms.deid.people.lexicon import technical_words

_PART = re.compile(r"\{(\w+)\}")
_TOOL = re.compile(r"<<(?:toolname|technology)\d*>>")
_BRAND = re.compile(r"<<brandname\d*>>")
#: Shares of the names of programs and brands that are from the longer lists; labelled as nothing, as in code.
_SHARE_TECHNICAL, _SHARE_BRANDS = 0.5, 0.6
_SHARE_CAPITAL = 0.75


def sentence(kind: str, random_: random.Random) -> str:
    """A frame of a kind, `people` or `nothing`, with the slots of `frames.yaml`; often with a first capital."""
    grammar = _grammar()
    text: str = random_.choice(grammar[kind])
    while _PART.search(text):
        text = _PART.sub(lambda part: random_.choice(grammar["parts"][part.group(1)]), text)
    text = re.sub(r" {2,}", " ", text).strip()
    if random_.random() < _SHARE_TECHNICAL:
        text = _TOOL.sub(lambda _: random_.choice(_technical()), text)
    if random_.random() < _SHARE_BRANDS:
        text = _BRAND.sub(lambda _: random_.choice(_brands()), text)
    if random_.random() < _SHARE_CAPITAL and not text.startswith("<<"):
        text = text[:1].upper() + text[1:]
    return text


@functools.cache
def _grammar() -> dict[str, Any]:
    data = importlib.resources.files("transforms.training").joinpath("sentences.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(data)
    return found


@functools.cache
def _technical() -> tuple[str, ...]:
    return tuple(sorted(word.capitalize() for word in technical_words() if len(word) > 2))


@functools.cache
def _brands() -> tuple[str, ...]:
    data = importlib.resources.files("transforms.training").joinpath("names.yaml").read_text("utf-8")
    return tuple(str(yaml.safe_load(data)["brands"]).split(", "))
