"""Words that a session with code uses as identifiers: Automerge, beside `useAutomerge` and `automerge.init`.

The models and the rules of contexts take such words for people: they read a few words around, and a sentence
about a library is like one about a person.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from transforms.deid.people.lexicon import is_clear_first_name, is_common_word, is_dictionary_word, is_listed
from transforms.deid.text.casing import any_case

_WORD = re.compile(r"[^\W\d_]{2,}")
_TOKEN_BEFORE = re.compile(r"[A-Za-z0-9_]*\Z")
#: An attribute or call of an object, a scope, a generic type, a key.
_USED = re.compile(r"\(|::|\.[a-z_]\w*[(.]|<[A-Z]|[ ]?=[^=]|['\"]?:[ ]?['\"{\[]")
_DECLARED = re.compile(
    r"(?:\b(?:import|class|interface|struct|enum|module|type|package|namespace|extends|implements|new|typedef)|"
    r"\b(?:import \*|import [\w{}, *]+) as)[ ]\{?[ ]?\Z"
)
#: Signs of paths, addresses and handles: the parts of these may be logins.
_NOT_BEFORE = frozenset("/\\@~")
_NOT_BEHIND = frozenset("/\\@")
_NEAR = 40


def without_identifiers(
    texts: Sequence[str], names: Collection[tuple[int, int, int]]
) -> set[tuple[int, int, int]]:
    """Those of the names (text, start, end) that are no identifiers of the session with these texts.

    A name is one if each of its words is an identifier or a word of the dictionary, and not all are of the
    latter kind. A given name that is no other word never is.
    """
    folded: list[str] | None = None
    known: dict[str, bool] = {}
    kept = set()
    for name in names:
        number, start, end = name
        words = [match.group() for match in _WORD.finditer(texts[number], start, end)]
        if any(is_clear_first_name(word) for word in words):
            kept.add(name)
            continue
        folded = folded or [any_case(text) for text in texts]
        used = []
        for word in words:
            if word not in known:
                known[word] = _is_identifier(word, texts, folded)
            used.append(known[word])
        each = (
            one or is_common_word(word) or is_dictionary_word(word)
            for one, word in zip(used, words, strict=True)
        )
        if not (any(used) and all(each)):
            kept.add(name)
    return kept


def _is_identifier(word: str, texts: Sequence[str], folded: Sequence[str]) -> bool:
    sought, listed = any_case(word), is_listed(word)
    for text, lower in zip(texts, folded, strict=True):
        start = lower.find(sought)
        while start >= 0:
            end = start + len(sought)
            if _in_identifier(text, start, end) or (not listed and _in_lower_case(text, start, end)):
                return True
            start = lower.find(sought, end)
    return False


def _in_identifier(text: str, start: int, end: int) -> bool:
    """True for a word of an identifier in camel case, and for what code uses or declares."""
    before = _TOKEN_BEFORE.search(text, max(0, start - _NEAR), start)
    begin = before.start() if before else start
    if text[begin - 1 : begin] in _NOT_BEFORE and begin:
        return False
    if begin < start:
        joined = text[start].isupper() and text[start - 1].islower() and not _is_name(text[begin:start])
        return joined and not text[end : end + 1].islower()
    if text[end : end + 1].isupper():
        rest = _WORD.match(text, end)
        return rest is not None and text[end + 1 : end + 2].islower() and not _is_name(rest.group())
    if text[end : end + 1].isalnum() or text[end : end + 1] == "_":
        return False
    return (
        _USED.match(text, end) is not None or _DECLARED.search(text, max(0, start - _NEAR), start) is not None
    )


def _is_name(word: str) -> bool:
    return is_listed(word) and not is_common_word(word)


def _in_lower_case(text: str, start: int, end: int) -> bool:
    """True for a whole word in lower case outside of paths, addresses and handles."""
    before, behind = text[start - 1 : start] if start else "", text[end : end + 1]
    if not text[start:end].islower() or before.isalnum() or behind.isalnum():
        return False
    if before in (*_NOT_BEFORE, "_", ".", "-") or behind in (*_NOT_BEHIND, "_"):
        return False
    return not (behind in (".", "-") and text[end + 1 : end + 2].isalnum())
