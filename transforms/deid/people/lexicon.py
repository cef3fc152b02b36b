"""Lists of names, common words and technical words, to distinguish names from other capitalised words.

Names are Faker's locale lists (MIT), frequencies wordfreq's (Apache-2.0, data CC BY-SA 4.0). Both are
installed packages of a locked version, so the lists are the same everywhere.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Iterable
from importlib import resources

import wordfreq

_LOCALES = (
    "en_US en_GB en_IN en_IE en_NZ de_DE de_AT fr_FR fr_CH es_ES es_MX it_IT pt_PT pt_BR nl_NL sv_SE "
    "da_DK no_NO fi_FI pl_PL cs_CZ ro_RO hr_HR tr_TR id_ID"
).split()
_FIRST = ("first_names", "first_names_male", "first_names_female", "first_names_nonbinary")
_LAST = ("last_names",)
_COMMON_WORDS = 30_000

_MONTHS = frozenset(
    ("january february march april may june july august september october november december").split()
)


@functools.cache
def first_names() -> frozenset[str]:
    """Given names, lower case."""
    return frozenset(_faker_names(_FIRST))


@functools.cache
def last_names() -> frozenset[str]:
    """Family names, lower case."""
    return frozenset(_faker_names(_LAST))


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
def common_words() -> frozenset[str]:
    """Frequent English words that are not names, ambiguous names, technical words and months."""
    names = first_names() | last_names()
    words = frozenset(word for word in wordfreq.top_n_list("en", _COMMON_WORDS) if word not in names)
    return words | ambiguous_names() | technical_words() | _MONTHS


def is_common_word(word: str) -> bool:
    """True for a word that usually does not mean a person."""
    return word.lower() in common_words()


def is_clear_first_name(word: str) -> bool:
    """True for a given name that is not a common word."""
    return word.lower() in first_names() and not is_common_word(word)


def lexicon_digest() -> str:
    """SHA-256 over all lists, for the manifest."""
    digest = hashlib.sha256()
    for words in (first_names(), last_names(), common_words()):
        digest.update("\n".join(sorted(words)).encode())
    return digest.hexdigest()


def _words_of(file: str) -> frozenset[str]:
    lines = (resources.files("transforms.deid.people") / file).read_text("utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def _faker_names(attributes: Iterable[str]) -> Iterable[str]:
    for locale in _LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in attributes:
            for name in getattr(provider, attribute, ()):
                yield from (part.lower() for part in str(name).split() if len(part) > 1 and part[0].isupper())
