"""A text with its spans replaced by the surrogates of its session."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from transforms.deid.masking.forms import Form, forms_of
from transforms.deid.masking.surrogates import Surrogates
from transforms.deid.spans import Kind, MaskedText, Span

#: From surrogates, an entity type, a value and a form to the replacement, as `Surrogates.of`.
Replace = Callable[[Surrogates, str, str, Form], str]


def mask_text(
    text: str, spans: Sequence[Span], surrogates: Surrogates, kind: Kind, replace: Replace
) -> MaskedText:
    """The text with each of its disjoint spans replaced by the surrogate's form for that place."""
    if not spans:
        return MaskedText(text, [], [])
    pieces: list[str] = []
    places: list[tuple[int, int]] = []
    length = done = 0
    for span, form in zip(spans, forms_of(text, spans, kind), strict=True):
        made = replace(surrogates, span.type, text[span.start : span.end], form)
        pieces += (text[done : span.start], made)
        start = length + span.start - done
        length = start + len(made)
        places.append((start, length))
        done = span.end
    pieces.append(text[done:])
    return MaskedText("".join(pieces), places, list(spans))
