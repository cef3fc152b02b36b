"""Words that a session with code uses as identifiers: Automerge, beside `import * as Automerge`.

The models take such words for people: they read a few words around, and a sentence about a library is like
one about a person. Evidence of a person is always stronger: a listed name, a title or another context
anywhere in the session. Variables are named after people too, so a word in lower case, or in one variable, is
no evidence.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from transforms.deid.people.lexicon import is_common_word, is_dictionary_word, is_listed
from transforms.deid.people.line_signs import is_code_line
from transforms.deid.text.casing import any_case

_WORD = re.compile(r"[^\W\d_]{2,}")
_TOKEN = re.compile(r"\w*")
_TOKEN_BEFORE = re.compile(r"\w*\Z")
#: A call of a method, or a scope.
_USED = re.compile(r"\.[a-z_]\w*\(|::")
_DECLARED = re.compile(
    r"(?:\b(?:class|interface|struct|enum|extends|implements|typedef|new|import)|\bimport [\w{}, *]+ as|"
    r"\bimport [{][\w, ]*,)[ ][{]?[ ]?\Z"
)
#: The name of a package where it is imported.
_IMPORTED = re.compile(
    r"(?:\bfrom|\bimport|\brequire\()[ ]?['\"][^'\"\n]*\Z|^[ \d→]*(?:from|import) [\w.]*\Z"
)
_NOT_BEFORE = frozenset("/\\@~")
_NEAR = 80
_LONGEST_LINE = 400
#: So many different words of a session are looked up, and so many places of each; other names stay.
_MOST_WORDS, _MOST_PLACES = 200, 200


def without_identifiers(
    texts: Sequence[str], names: Collection[tuple[int, int, int]], known: Collection[str]
) -> set[tuple[int, int, int]]:
    """The names (text, start, end) without identifiers of the session with these texts.

    A name is dropped if one of its words is an identifier, and every other one too or a word of the
    dictionary. It stays if one of its words is a listed name, or in `known`: lower-case words of people of
    whom there is other evidence.
    """
    folded: list[str] | None = None
    looked_up: dict[str, bool] = {}
    kept = set()
    for name in sorted(names):
        number, start, end = name
        words = [match.group() for match in _WORD.finditer(texts[number], start, end)]
        if any(_is_name(word) or word.lower() in known for word in words):
            kept.add(name)
            continue
        folded = folded or [any_case(text) for text in texts]
        for word in words:
            if word not in looked_up and len(looked_up) < _MOST_WORDS:
                looked_up[word] = _is_identifier(word, texts, folded)
        used = [looked_up.get(word, False) for word in words]
        others = (word for word, one in zip(words, used, strict=True) if not one)
        if not any(used) or not all(is_common_word(word) or is_dictionary_word(word) for word in others):
            kept.add(name)
    return kept


def _is_name(word: str) -> bool:
    return is_listed(word) and not is_common_word(word)


def _is_identifier(word: str, texts: Sequence[str], folded: Sequence[str]) -> bool:
    sought = any_case(word)
    places, joined = 0, set()
    for text, lower in zip(texts, folded, strict=True):
        start = lower.find(sought)
        while start >= 0 and places < _MOST_PLACES:
            places += 1
            end = start + len(sought)
            line = text.rfind("\n", 0, start) + 1
            if start - line < _LONGEST_LINE and is_code_line(_line(text, line)):
                before = text[max(line, start - _NEAR) : start]
                if _is_used(text, start, end, before):
                    return True
                # Two identifiers in camel case: useAutomerge and AutomergeDocument.
                if _in_camel_case(text, start, end, before):
                    joined.add(_token(text, start, end))
                    if len(joined) > 1:
                        return True
            start = lower.find(sought, end)
    return False


def _line(text: str, start: int) -> str:
    end = text.find("\n", start, start + _LONGEST_LINE)
    return text[start : end if end >= 0 else start + _LONGEST_LINE]


def _token(text: str, start: int, end: int) -> str:
    before = _TOKEN_BEFORE.search(text, max(0, start - _NEAR), start)
    behind = _TOKEN.match(text, end, end + _NEAR)
    return text[before.start() if before else start : behind.end() if behind else end]


def _is_used(text: str, start: int, end: int, before: str) -> bool:
    """True for a type that code uses or declares, and for a package that it imports."""
    if before[-1:].isalnum() or text[end : end + 1].isalnum() or text[end : end + 1] == "_":
        return False
    if _IMPORTED.search(before):
        return True
    if not text[start].isupper() or before[-1:] in _NOT_BEFORE:
        return False
    return _USED.match(text, end) is not None or _DECLARED.search(before) is not None


def _in_camel_case(text: str, start: int, end: int, before: str) -> bool:
    """True for a part of an identifier in camel case, outside of paths and handles, and not beside a name."""
    first = _TOKEN_BEFORE.search(before)
    begin = first.group() if first else ""
    if not text[start].isupper() or before.removesuffix(begin)[-1:] in _NOT_BEFORE:
        return False
    if begin:
        return begin[-1].islower() and not _is_name(begin) and not text[end : end + 1].islower()
    rest = _WORD.match(text, end)
    return rest is not None and rest.group()[0].isupper() and not _is_name(rest.group())
