"""Names, common words and places: what tells a name from a capitalised word before any model is asked.

Names are Faker's locale lists (MIT), frequencies wordfreq's (Apache-2.0, data CC BY-SA 4.0). Both are
installed packages of a locked version, so the lists are the same everywhere.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
from collections.abc import Iterable

import wordfreq

_LOCALES = (
    "en_US en_GB en_IN en_IE en_NZ de_DE de_AT fr_FR fr_CH es_ES es_MX it_IT pt_PT pt_BR nl_NL sv_SE "
    "da_DK no_NO fi_FI pl_PL cs_CZ ro_RO hr_HR tr_TR id_ID"
).split()
_FIRST = ("first_names", "first_names_male", "first_names_female", "first_names_nonbinary")
_LAST = ("last_names",)
_COMMON_WORDS = 30_000

#: Names that are ordinary English words, months or places: never a name on a list's word alone.
_AMBIGUOUS = frozenset(
    (
        "ace alexa all am amber america an and angel any april are art as asia at august austin autumn "
        "bailey baker basil be bell berg best beyond bill bishop black bond boon booth bow boy brand "
        "bright brooklyn brooks brown buck bud buddy burns bush but butcher butler by camp can carol "
        "carolina carpenter carter case castle chambers chance charlotte chase chelsea china chip "
        "christian church claude clay cliff cole colt cook cooper cortana cotton craft crane cross cruz "
        "crystal cursor cutter daisy dale dallas dash data dawn day dean dell destiny did do doc docker "
        "don dove drake drew drum duke dusty earl early east else ernest eve faith farmer field fields "
        "finch fish fisher florence flowers for ford foreman forest foster fox frank friday frozenset fry "
        "gale garland gates gemini gene georgia get glen go gold golden good goodman grace grant gray "
        "green grey guy had haiku hall hand harding hardy harmony hart has haven hazel he heather heaven "
        "her hill hills him his holly honey hood hope horn house houston how hull hunt hunter if in india "
        "iris is israel it its ivy jack jade jasmine java jay jenkins jewel jordan joy judge julia june "
        "justice key kidd king knight lake lance lane last laurel law lee let lily lincoln little lock "
        "long lord love low lucky lynch main major man march mark marsh mason masters max may mays mccall "
        "me mean mercy merit miles mills mine mistral monday moody moon more moss my new newton nice no "
        "noble north not nova now null nut oak ocean of old olive on one opus or our out page paige paris "
        "park parker pat peace pearl penny pepper perl person phoenix pierce pitt pope port post potter "
        "pratt precious price prince princess put python queen rain rankin raven ray red reed rex rice "
        "rich ridge river rivers rob robin rock rod roman rose rowan royal ruby rush rust sage saint salt "
        "sands sandy saturday savage savannah sawyer say scala scout see self serenity sharp she shepherd "
        "short sierra silver singer siri sky skye small snow so sonnet sonny spears star stark steel "
        "sterling stone storm strong sue summer sunday sunny swift sydney tanner teddy temple test the "
        "thorn thursday to toll too town trace travis tree trinity true tucker tuesday turner two up us "
        "use vale van victor violet virginia wade walker wall ward warren was waters way we weaver webb "
        "wednesday wells west wheat wheeler white who will winter wise wolf wood woods worth wren wright "
        "yes york you young"
    ).split()
)
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
def common_words() -> frozenset[str]:
    """Frequent English words that are not names, and the ambiguous ones that are."""
    names = first_names() | last_names()
    words = frozenset(word for word in wordfreq.top_n_list("en", _COMMON_WORDS) if word not in names)
    return words | _AMBIGUOUS | _MONTHS


def is_common_word(word: str) -> bool:
    """True for a word that people write without meaning a person."""
    return word.lower() in common_words()


def is_clear_first_name(word: str) -> bool:
    """True for a given name that is no ordinary word."""
    return word.lower() in first_names() and word.lower() not in _AMBIGUOUS


def lexicon_digest() -> str:
    """SHA-256 over all lists, for the manifest."""
    digest = hashlib.sha256()
    for words in (first_names(), last_names(), common_words()):
        digest.update("\n".join(sorted(words)).encode())
    return digest.hexdigest()


def _faker_names(attributes: Iterable[str]) -> Iterable[str]:
    for locale in _LOCALES:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in attributes:
            for name in getattr(provider, attribute, ()):
                yield from (part.lower() for part in str(name).split() if len(part) > 1 and part[0].isupper())
