"""The language of a session's prose, detected offline, and only with enough prose to be certain."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

from schemas.sections.name_models import LanguageConfig
from transforms.deid.spans import Segment

_CODE = re.compile(
    r"```[\s\S]*?(?:```|\Z)|`[^`\n]*`|https?://\S+|(?<![\w.-])[\w.-]*[/\\_@{}<>=]\S*|[/\\_@{}<>=]\S*"
)
_SPOKEN = frozenset({"user", "assistant"})
_MAX_CHARACTERS = 4_000
#: The most frequent English words: a fifth of running English text.
ENGLISH_WORDS = frozenset(
    (
        "the of and to in a is that for it with as was be by on not this are or from at have an they you he "
        "but we his which will can if there their been has more when who do what all would so my your how i "
        "me about please thanks"
    ).split()
)
_MIN_ENGLISH = 0.15
_SURELY_ENGLISH = 0.25
#: The hundred most frequent words of a language are a quarter to a half of its running text.
_FREQUENT = 100
_MIN_FREQUENT = 0.15
_LATIN_END = 0x250


def language_of(segments: Sequence[Segment], config: LanguageConfig, english: float = 0.0) -> str:
    """An ISO 639-1 code: the default unless the prose is certainly in another language.

    `english` is the share of its words that are ENGLISH_WORDS, without code lines; where it is high, the
    prose is not read.
    """
    if config.default == "en" and english >= _SURELY_ENGLISH:
        return "en"
    prose = _prose(segments)
    script = language_by_script(prose)
    if script is not None:
        return script
    if config.default == "en" and _looks_english(prose):
        return "en"
    letters = [character for character in prose if character.isalpha()]
    if len(letters) < config.min_characters:
        return config.default
    code, probability = _identifier().classify(prose)
    if float(probability) < config.min_probability:
        return config.default
    latin = sum(ord(character) < _LATIN_END for character in letters) > len(letters) / 2
    return config.default if latin and not _speaks(prose, str(code)) else str(code)


#: The language of each script, by ranges of code points; kana decides between Japanese and Chinese.
_SCRIPTS = (
    ("ja", "\u3040", "\u30ff"),
    ("ko", "\uac00", "\ud7a3"),
    ("zh", "\u4e00", "\u9fff"),
    ("ar", "\u0600", "\u06ff"),
    ("he", "\u0590", "\u05ff"),
    ("hi", "\u0900", "\u097f"),
    ("bn", "\u0980", "\u09ff"),
    ("ta", "\u0b80", "\u0bff"),
    ("th", "\u0e00", "\u0e7f"),
    ("ka", "\u10a0", "\u10ff"),
    ("hy", "\u0530", "\u058f"),
    ("el", "\u0370", "\u03ff"),
    ("ru", "\u0400", "\u04ff"),
)
#: All of them, and characters between.
_FOREIGN = re.compile(f"[{min(low for _, low, _ in _SCRIPTS)}-{max(high for *_, high in _SCRIPTS)}]+")
#: So many letters of another script settle the language, if they are the larger part.
_MIN_SCRIPT = 12


def language_by_script(prose: str) -> str | None:
    """The language of a text most of whose letters are of one other script; None if Latin letters prevail.

    A letter of Chinese or Japanese is a word, so it counts three times. The Latin words of such a text are
    often names of products.
    """
    # Few texts in Latin letters have such characters, and counting all would take a tenth of the time.
    foreign = "".join(_FOREIGN.findall(prose))
    counts = [sum(low <= character <= high for character in foreign) for _, low, high in _SCRIPTS]
    if sum(counts) < _MIN_SCRIPT:
        return None
    latin = sum(character.isalpha() and ord(character) < _LATIN_END for character in prose)
    weight = sum(
        count * (3 if code in ("ja", "zh", "ko") else 1)
        for count, (code, _, _) in zip(counts, _SCRIPTS, strict=True)
    )
    if weight <= latin:
        return None
    best = max(range(len(_SCRIPTS)), key=counts.__getitem__)
    code = _SCRIPTS[best][0]
    return "ja" if code == "zh" and counts[0] > sum(counts) // 10 else code


def _speaks(prose: str, code: str) -> bool:
    """True if the prose has the frequent words of a language; fillers, word lists and names have none."""
    import wordfreq

    if code not in wordfreq.available_languages():
        return False
    frequent = frozenset(wordfreq.top_n_list(code, _FREQUENT))
    words = re.findall(r"[^\W\d_]+", prose.lower())
    return sum(word in frequent for word in words) >= _MIN_FREQUENT * len(words)


def _prose(segments: Sequence[Segment]) -> str:
    parts: list[str] = []
    length = 0
    for segment in segments:
        if segment.kind in _SPOKEN and length < _MAX_CHARACTERS:
            part = _CODE.sub(" ", segment.text[:_MAX_CHARACTERS])
            parts.append(part)
            length += len(part)
    return "\n".join(parts)[:_MAX_CHARACTERS]


def _looks_english(prose: str) -> bool:
    words = re.findall(r"[^\W\d_]+", prose.lower())
    return bool(words) and sum(word in ENGLISH_WORDS for word in words) >= _MIN_ENGLISH * len(words)


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
