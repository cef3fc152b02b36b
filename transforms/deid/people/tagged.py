"""Stretches that the small model tags as people, corrected by their capitals."""

from __future__ import annotations

import re
from collections.abc import Iterable

from transforms.deid.model.tagger import Entity
from transforms.deid.people.lexicon import first_names, is_listed, last_names

#: The word before a capital inside a sentence. There English writes only names with one, except in headings.
_WORD_BEFORE = re.compile(r"(?<![^\s(\"“'‘-])[a-z][a-z'’]*,? \Z")
_LONGEST_BEFORE = 24
_CAPITAL_BEHIND = re.compile(r"(?:['’]s)? [A-Z]")
_LOWER_FIRST = re.compile(r"(?:[a-zß-ÿ][\w'’]*,? )+(?=[A-ZÀ-Þ])")

_MARK_BEFORE = re.compile(r"(?:\A|\n)[ \t#*>|\d.)(\[\]_•-]{0,12}\Z")
_MARK_BEHIND = re.compile(r"[ \t*_:|)\]]*(?:\n|\Z)|\*\*|: ")
_LONGEST_MARK = 13


def is_bare(text: str, start: int, end: int) -> bool:
    """True if [start, end) is a line, an item of a list or a label, after signs and numbers at most."""
    before = _MARK_BEFORE.search(text, max(0, start - _LONGEST_MARK), start)
    return before is not None and _MARK_BEHIND.match(text, end) is not None


def is_inside(text: str, start: int, end: int) -> bool:
    """True if a capital at `start` follows a word in lower case and precedes no other capitalised word."""
    before = _WORD_BEFORE.search(text, max(0, start - _LONGEST_BEFORE), start)
    return before is not None and not _CAPITAL_BEHIND.match(text, end)


def people_of(text: str, entities: Iterable[Entity]) -> list[Entity]:
    """The people among the entities of a text, in order, disjoint.

    A given name and a family name side by side are one person. Words in lower case before a capital are
    no part of a name, unless one is listed: the verb of "adore Rose".
    """
    found: list[Entity] = []
    for one in entities:
        if one.type != "PERSON":
            continue
        one = _without_words(text, one)
        if found and _is_one_name(text, found[-1], one):
            one = Entity(found[-1].start, one.end, one.type, max(found[-1].score, one.score))
            found.pop()
        found.append(one)
    return found


def _without_words(text: str, one: Entity) -> Entity:
    first = _LOWER_FIRST.match(text, one.start, one.end)
    return one if first is None or _any_listed(first.group()) else one._replace(start=first.end())


def _any_listed(words: str) -> bool:
    return any(map(is_listed, words.replace(",", " ").split()))


def _is_one_name(text: str, one: Entity, other: Entity) -> bool:
    given, family = text[one.start : one.end].lower(), text[other.start : other.end].lower()
    return text[one.end : other.start] == " " and given in first_names() and family in last_names()
