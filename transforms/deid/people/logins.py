"""Logins made of a person's name: asmith, alice.smith, smith_a.

Forms: given and family name in either order, or one of them with the initial of the other, joined by nothing
or one sign, with up to four digits at the end.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from transforms.deid.people.lexicon import is_clear_first_name, is_common_word, last_names
from transforms.deid.text.casing import ascii_of

_MIN_LOGIN = 4
_MIN_NAME = 2
_SIGNS = frozenset("._-")
_BEHIND = re.compile(r"[0-9]{0,4}(?![^\W_])")
_LETTER = re.compile(r"[^\W_]")
#: ASCII spellings of letters, besides the letter without its mark.
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "oe", "æ": "ae", "å": "aa"})


class Login(NamedTuple):
    """One form of a login, in lower case: `first` and `second` are joined by a sign, or `second` is empty."""

    first: str
    second: str = ""


def logins_of(words: Sequence[str]) -> set[Login]:
    """The logins of a full name, without common words; none for words that may not be a name.

    "React Native" may be mistaken for a person; `react-native` must not be masked with it.
    """
    if not _surely_a_name(words):
        return set()
    made = [
        (first, second, first + second)
        for given in _spellings(words[0])
        for family in _spellings(words[-1])
        for first, second in login_pairs(given, family)
    ]
    long = [one for one in made if len(one[2]) >= _MIN_LOGIN]
    apart = {Login(first, second) for first, second, _ in long}
    return apart | {Login(login) for _, _, login in long if not is_common_word(login)}


def login_pairs(given: str, family: str) -> tuple[tuple[str, str], ...]:
    """The two parts of each form: the names in either order, or one with the initial of the other."""
    return (given, family), (family, given), (given[0], family), (family, given[0]), (given, family[0])


class Logins:
    """The logins of several people, searched for where one of their names is part of a longer word.

    They are computed at the first such place: most texts have none.
    """

    def __init__(self, names: Sequence[Sequence[str]]) -> None:
        self._names = [words for words in names if _surely_a_name(words)]
        self._owners: dict[str, list[Sequence[str]]] = {}
        for words in self._names:
            for name in {*_spellings(words[0]), *_spellings(words[-1])}:
                if name.isalpha():
                    self._owners.setdefault(name, []).append(words)
        self._made: dict[str, list[Login]] = {}

    @property
    def names(self) -> Collection[str]:
        """The given and family names, in lower case."""
        return self._owners.keys()

    @functools.cached_property
    def unsigned(self) -> frozenset[str]:
        """The logins without a sign."""
        return frozenset(one.first for words in self._names for one in logins_of(words) if not one.second)

    def at(self, text: str, place: int, name: str) -> tuple[int, int]:
        """The [start, end) of a login, in any case, whose name (or the whole login) is at `place`; or
        empty.
        """
        for start in _starts(text, place):
            for login in self._of(name):
                end = _end(text, start, login)
                if end > start:
                    return start, end
        return place, place

    def _of(self, name: str) -> list[Login]:
        made = self._made.get(name)
        if made is None:
            owners = self._owners.get(name, [])
            logins = {login for words in owners for login in logins_of(words)}
            if not owners and name in self.unsigned:
                logins = {Login(name)}
            made = self._made[name] = sorted(logins, key=lambda one: (-len(one.first + one.second), one))
        return made


def stands_in_more(text: str, start: int, end: int) -> bool:
    """True if [start, end) may be part of a longer login: at most an initial before it, and more characters
    on a side.
    """
    before, after = text[start - 1 : start], text[end : end + 1]
    if _LETTER.match(before):
        return start < 2 or not _LETTER.match(text, start - 2)
    return before in _SIGNS or after in _SIGNS or _LETTER.match(after) is not None


def _starts(text: str, place: int) -> tuple[int, ...]:
    """Places where a login may begin whose name is at `place`: there, or one initial before it."""
    if place and _LETTER.match(text, place - 1):
        return (place - 1,)
    initial = place > 1 and text[place - 1] in _SIGNS and _LETTER.match(text, place - 2)
    if initial and not (place > 2 and _LETTER.match(text, place - 3)):
        return place - 2, place
    return (place,)


def _end(text: str, start: int, login: Login) -> int:
    """The end of a login that begins at `start`, in any case; `start` if it does not."""
    first, second = login
    end = start + len(first)
    if text[start:end].lower() != first:
        return start
    if second:
        if text[end : end + 1] not in _SIGNS or text[end + 1 : end + 1 + len(second)].lower() != second:
            return start
        end += 1 + len(second)
    behind = _BEHIND.match(text, end)
    return behind.end() if behind else start


def _spellings(name: str) -> set[str]:
    """Spellings of a name in logins, in lower case: unchanged, in ASCII, and each side of a hyphen."""
    lower = name.lower()
    if lower.isascii() and lower.isalpha():
        return {lower} if len(lower) >= _MIN_NAME else set()
    spelt = {lower, lower.translate(_SPELT_OUT), *re.split(r"[-'’]", lower), re.sub(r"[-'’]", "", lower)}
    spelt |= {ascii_of(one) for one in spelt}
    return {one for one in spelt if len(one) >= _MIN_NAME and one.replace("-", "").isalpha()}


def _surely_a_name(words: Sequence[str]) -> bool:
    """True if a word is on the lists and not common, or no word is common."""
    return (
        on_the_lists(words[0]) or on_the_lists(words[-1]) or not any(is_common_word(word) for word in words)
    )


def on_the_lists(word: str) -> bool:
    """True for a given or family name that is not a common word."""
    return not is_common_word(word) and (is_clear_first_name(word) or word.lower() in last_names())
