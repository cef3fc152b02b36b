"""Lists of names, common words and technical words, to distinguish names from other capitalised words.

Names are Faker's locale lists (MIT) and the files of this folder, frequencies wordfreq's (Apache-2.0, data
CC BY-SA 4.0). Both are installed packages of a locked version, so the lists are the same everywhere.
A frequent word is common unless it is a name: a name that English also writes in lower case is listed in
ambiguous_names.txt.
"""

from __future__ import annotations

import functools
import hashlib
import re
from importlib import resources

from transforms.deid.people.kinds import kind_lines
from transforms.deid.people.word_lists import word_lists
from transforms.deid.text.casing import CAPITALS

_COMMON_WORDS = 30_000
#: Titles before names, in lower case; more of them, with other forms, are in `rules/titles.py`.
TITLES = frozenset(("mr mrs ms mx miss dr prof sir madam herr frau monsieur madame señor señora").split())
#: Words in lower case inside names: Ludwig van Beethoven, José Ortega y Gasset.
PARTICLES = frozenset(
    (
        "de da do dos das del della di du la le les van von der den ter ten zu zum zur bin ibn bint al el y e af av"
    ).split()
)
#: One of them, for expressions.
PARTICLE = rf"(?:{'|'.join(sorted(PARTICLES))})"

#: A capital inside a word that is not the name after a prefix (McDonald, DeVito), or capitals and a word (UIKit).
_PASCAL = re.compile(
    r"(?!(?:Mc|Mac|De|Di|Du|La|Le|Van|Fitz|O['’]|D['’])[A-Z][a-z]+(?![A-Za-z]))"
    rf"(?:\w*[^\W\d_{CAPITALS}][{CAPITALS}]|[A-Z]{{2,}}[a-z]{{2,}})"
)
#: Acronyms in the plural: CRDTs, WAVs.
_ACRONYMS = re.compile(r"[A-Z]{2,}s\Z")
_ENDINGS = ("s", "es", "d", "ed", "ing", "er", "ers", "ly", "able", "less", "ness")
_MONTHS = frozenset(
    ("january february march april may june july august september october november december").split()
)


@functools.cache
def first_names() -> frozenset[str]:
    """Given names and nicknames, lower case."""
    more = word_lists().more_first - _frequent_words()
    return trained_first_names() | _words_of("given_names.txt") | more


@functools.cache
def last_names() -> frozenset[str]:
    """Family names, lower case."""
    more = word_lists().more_last - _frequent_words()
    return trained_last_names() | _words_of("family_names.txt") | more


def trained_first_names() -> frozenset[str]:
    """The given names that the small model was trained with."""
    return word_lists().trained_first


def trained_last_names() -> frozenset[str]:
    """The family names that the small model was trained with."""
    return word_lists().trained_last


@functools.cache
def ambiguous_names() -> frozenset[str]:
    """Names that are also common words, months or places, lower case: a list alone does not make them a
    person.
    """
    return _words_of("ambiguous_names.txt")


@functools.cache
def technical_words() -> frozenset[str]:
    """Software, formats, products and firms, lower case."""
    return _words_of("technical_words.txt")


@functools.cache
def not_people() -> frozenset[str]:
    """Words that no context makes a person: function words, audiences, days, peoples, assistants."""
    return _words_of("not_people.txt")


@functools.cache
def things() -> frozenset[str]:
    """Names of things that contain a person's name or read like one, lower case, of one word or more."""
    lines = (resources.files("transforms.deid.people") / "things.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


@functools.cache
def common_words() -> frozenset[str]:
    """Frequent English words that are not names, ambiguous names, technical words and months."""
    words = _frequent_words() - first_names() - last_names()
    return words | ambiguous_names() | technical_words() | _MONTHS


def is_common_word(word: str) -> bool:
    """True for a word that usually does not mean a person."""
    return word.lower() in common_words()


def may_be_name(word: str) -> bool:
    """True for a word that is a person's name where the words around it require one: a listed name, even if it
    is also a common word, or no common word at all.
    """
    lower = word.lower()
    if lower in not_people():
        return False
    return lower in first_names() or lower in last_names() or lower not in common_words()


def is_listed(word: str) -> bool:
    """True for a given or family name, common words included."""
    lower = word.lower()
    return (lower in first_names() or lower in last_names()) and lower not in not_people()


def shaped_like_name(word: str) -> bool:
    """False for identifiers (EnterPlanMode), acronyms in the plural, and words with digits or signs."""
    if _PASCAL.match(word) or _ACRONYMS.match(word):
        return False
    return not any(c.isdigit() or c == "_" for c in word)


def is_dictionary_word(word: str) -> bool:
    """True for a word that English writes in lower case, rare ones and inflected forms included, and that is
    no listed name. The words are those of WordNet.
    """
    lower = word.lower()
    if len(lower) < 3 or lower in first_names() or lower in last_names():
        return False
    if lower in common_words() or lower in word_lists().dictionary:
        return True
    stems = [lower.removesuffix(ending) for ending in _ENDINGS if lower.endswith(ending)]
    # Also with its silent e (making), or with one consonant of two (stopped).
    return any(
        form in word_lists().dictionary
        for stem in stems
        if len(stem) > 2
        for form in (stem, f"{stem}e", stem[:-1] if stem[-1] == stem[-2] else stem)
    )


def is_clear_first_name(word: str) -> bool:
    """True for a given name that is not a common word."""
    return word.lower() in first_names() and not is_common_word(word)


def lexicon_digest() -> str:
    """SHA-256 over all lists, for the manifest."""
    digest = hashlib.sha256()
    lists = (first_names(), last_names(), common_words(), word_lists().dictionary, not_people(), things())
    for words in (*lists, kind_lines()):
        digest.update("\n".join(sorted(words)).encode())
    return digest.hexdigest()


@functools.cache
def _frequent_words() -> frozenset[str]:
    return frozenset(word_lists().frequent[:_COMMON_WORDS])


def _words_of(file: str) -> frozenset[str]:
    lines = (resources.files("transforms.deid.people") / file).read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())
