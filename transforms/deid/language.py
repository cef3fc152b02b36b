"""The language of a session's prose, told offline, and only where there is enough of it to be sure."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from typing import Any

from schemas.deid import LanguageConfig
from transforms.deid.spans import Segment

_CODE = re.compile(r"```[\s\S]*?(?:```|\Z)|`[^`\n]*`|https?://\S+|[\w.-]*[/\\_@{}<>=][\S]*")
_SPOKEN = frozenset({"user", "assistant"})
_MAX_CHARACTERS = 4_000
#: Words that any stretch of English has; a fifth of running English is made of them.
_ENGLISH = frozenset(
    (
        "the of and to in a is that for it with as was be by on not this are or from at have an they you he "
        "but we his which will can if there their been has more when who do what all would so my your how i "
        "me about please thanks"
    ).split()
)
_MIN_ENGLISH = 0.08


def language_of(segments: Sequence[Segment], config: LanguageConfig) -> str:
    """An ISO 639-1 code: the default unless the prose is surely in another language."""
    prose = _prose(segments)
    if config.default == "en" and _looks_english(prose):
        return "en"
    if sum(character.isalpha() for character in prose) < config.min_characters:
        return config.default
    code, probability = _identifier().classify(prose)
    return str(code) if float(probability) >= config.min_probability else config.default


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
    return bool(words) and sum(word in _ENGLISH for word in words) >= _MIN_ENGLISH * len(words)


@functools.cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
