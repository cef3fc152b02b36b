"""The people of a session: which mentions are the same person, and which parts of the name a mention
shows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from transforms.deid.people.lexicon import TITLES
from transforms.deid.people.logins import login_pairs
from transforms.deid.people.name_phrases import without_possessive
from transforms.deid.text.casing import ascii_of

_MANY_OWNERS = 50
_MOST_PEOPLE = 200


class PersonIndex:
    """Maps a mention to the person whose full name contains its words, if there is only one."""

    def __init__(self, names: Sequence[str]) -> None:
        full = {name_words(name) for name in names}
        self._full = sorted(words for words in full if len(words) > 1)
        self._by_word: dict[str, list[tuple[str, ...]]] = {}
        for words in self._full:
            for word in set(words):
                self._by_word.setdefault(word, []).append(words)
        self._known: dict[str, tuple[str, ...]] = {}

    def identity(self, name: str) -> tuple[str, ...]:
        """The words of the person's fullest name in order; the mention's own words if several people
        match.
        """
        if name not in self._known:
            self._known[name] = self._identity(name_words(name))
        return self._known[name]

    def _identity(self, words: tuple[str, ...]) -> tuple[str, ...]:
        rarest = min((self._by_word.get(word, []) for word in words), key=len)
        owners = [full for full in rarest if set(words) <= set(full)]
        if len(owners) > _MANY_OWNERS:
            # The word is too frequent among the names to identify a person.
            return tuple(sorted(words)) if len(words) > 1 else words
        largest = [full for full in owners if not any(set(full) < set(other) for other in owners)]
        same = {tuple(sorted(full)) for full in largest}
        if len(same) == 1:
            return min(largest) if tuple(sorted(words)) in same else largest[0]
        return tuple(sorted(words)) if len(words) > 1 else words

    def owner_of(self, login: str) -> tuple[str, ...] | None:
        """The one person whose names, or one name and an initial, form the login; None if there is not
        exactly one.
        """
        plain = ascii_of(login)
        found = {tuple(sorted(full)): full for full in self._full[:_MOST_PEOPLE] if _made_of(plain, full)}
        return next(iter(found.values())) if len(found) == 1 else None


def name_words(name: str) -> tuple[str, ...]:
    """The words of a name in lower case, without titles, initials and possessives."""
    words = (without_possessive(word).strip(".,'’").casefold() for word in re.split(r"[\s,]+", name))
    kept = tuple(word for word in words if len(word) > 1 and word not in TITLES)
    return kept or (name.casefold(),)


def _made_of(login: str, full: tuple[str, ...]) -> bool:
    given, family = ascii_of(full[0]), ascii_of(full[-1])
    if len(given) < 2 or len(family) < 2:
        return False
    letters = re.sub(r"[^a-z]", "", login)
    return letters in {first + second for first, second in login_pairs(given, family)}
