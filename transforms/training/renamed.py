"""Labelled texts with other people in them: words that are also names, nicknames, family names alone, particles.

The names of the sample templates and of public texts are mostly full or well-known given names. Here their
people get names that a model misses more often, so that it learns them from the words around.
"""

from __future__ import annotations

import functools
import importlib
import importlib.resources
import random
from collections.abc import Sequence

import yaml

from transforms.deid.people.lexicon import ambiguous_names, not_people
from transforms.sample.texts.people import make_person

_Spans = list[tuple[int, int, str]]
#: Locales whose names Faker lists in their own script, with capital letters.
_SCRIPTS = ("ru_RU", "uk_UA", "bg_BG", "el_GR")
#: The kinds of names, and their weights.
KINDS = {
    "word": 6,
    "word_family": 3,
    "word_full": 3,
    "nickname": 4,
    "family": 6,
    "given": 4,
    "full": 4,
    "particle": 2,
    "initials": 1,
    "script": 1,
}
_PARTICLES = (
    "van der",
    "van den",
    "van",
    "von",
    "de",
    "de la",
    "del",
    "di",
    "da",
    "dos",
    "bin",
    "ibn",
    "al",
    "ter",
    "le",
    "la",
)
_SHARE_LOWER = 0.15
_SHARE_NAME_LOWER = 0.04


def renamed(
    text: str,
    spans: Sequence[tuple[int, int, str]],
    random_: random.Random,
    kinds: Sequence[str] = tuple(KINDS),
) -> tuple[str, _Spans]:
    """The text with each person under another name of the kinds, and the spans moved; equal names stay equal.

    Some of the texts are in lower case. A name with a comma keeps its order.
    """
    names: dict[str, str] = {}
    parts: list[str] = []
    moved: _Spans = []
    done = length = 0
    for start, end, label in sorted(spans):
        if start < done:
            continue
        old = text[start:end]
        new = old
        if label == "PERSON":
            new = names.setdefault(old, _like(old, random_, kinds))
        parts += [text[done:start], new]
        length += start - done
        moved.append((length, length + len(new), label))
        length, done = length + len(new), end
    made = "".join(parts) + text[done:]
    if random_.random() < _SHARE_LOWER and len(made.lower()) == len(made):
        made = made.lower()
    return made, moved


def _like(old: str, random_: random.Random, kinds: Sequence[str]) -> str:
    """A new name in the case and order of the old one."""
    if "," in old:
        person = make_person(random_)
        given = random_.choice([person.given, random_.choice(_words("given"))])
        return f"{random_.choice([person.family, random_.choice(_words('family'))])}, {given}"
    new = _named(random_.choices(kinds, [KINDS[kind] for kind in kinds])[0], random_)
    if old.isupper() and len(old) > 3:
        return new.upper()
    return new.lower() if old.islower() or random_.random() < _SHARE_NAME_LOWER else new


def _named(kind: str, random_: random.Random) -> str:
    person = make_person(random_)
    family = random_.choice([person.family, random_.choice(_listed("family_names.txt"))])
    given = random_.choice([person.given, random_.choice(_listed("given_names.txt"))])
    match kind:
        case "word":
            return random_.choice(_words("given"))
        case "word_family":
            return random_.choice(_words("family"))
        case "word_full":
            return random_.choice(
                [
                    f"{random_.choice(_words('given'))} {family}",
                    f"{given} {random_.choice(_words('family'))}",
                    f"{random_.choice(_words('given'))} {random_.choice(_words('family'))}",
                ]
            )
        case "nickname":
            return random_.choice(_words("nicknames"))
        case "family":
            return family
        case "given":
            return given
        case "particle":
            return f"{given} {random_.choice(_PARTICLES)} {family}"
        case "initials":
            return random_.choice(
                [f"{given[0]}. {family}", f"{given[0]}. {family[0]}. {family}", f"{given} {family[0]}."]
            )
        case "script":
            return random_.choice(_script(random_.choice(_SCRIPTS)))
    return f"{given} {family}"


@functools.cache
def _words(kind: str) -> tuple[str, ...]:
    """Names that are also words (`given`, `family`), and nicknames."""
    data = yaml.safe_load(
        importlib.resources.files("transforms.training").joinpath("names.yaml").read_text("utf-8")
    )
    return tuple(str(data[kind]).split())


@functools.cache
def _listed(file: str) -> tuple[str, ...]:
    """The names of a list of the rules that are no words."""
    lines = importlib.resources.files("transforms.deid.people").joinpath(file).read_text("utf-8").splitlines()
    words = {word for line in lines if not line.startswith("#") for word in line.split()}
    return tuple(sorted(word.title() for word in words - ambiguous_names() - not_people()))


@functools.cache
def _script(locale: str) -> tuple[str, ...]:
    provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
    given = sorted(provider.first_names)
    family = sorted(getattr(provider, "last_names", ()) or provider.last_names_male)
    return tuple(given + family + [f"{one} {other}" for one, other in zip(given, family, strict=False)])
