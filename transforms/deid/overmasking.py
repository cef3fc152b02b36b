"""Masking of what is not labelled: in texts without any label, and outside the labels of all texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from transforms.deid.evaluation import Labelled, labelled_places, letters_of
from transforms.deid.spans import Span


def over_masking(labelled: Sequence[Labelled], masked: Sequence[Sequence[Span]]) -> dict[str, Any]:
    """Counts of two kinds, of labels and spans of any type; characters are without white space.

    `negatives`: the texts without a label, how many of them have a masked span, their characters, and by type
    the spans and masked characters. `outside_labels`: the characters of all texts outside labels, and by type
    the spans that touch no label and the masked characters outside labels.
    """
    negatives: dict[str, Any] = {"texts": 0, "masked_texts": 0, "characters": 0, "types": {}}
    outside: dict[str, Any] = {"characters": 0, "types": {}}
    for one, spans in zip(labelled, masked, strict=True):
        letters = letters_of(one.text)
        inside = labelled_places(one)
        free = letters & ~inside
        outside["characters"] += int(free.sum())
        for span in spans:
            place = slice(span.start, span.end)
            _add(outside["types"], span.type, not inside[place].any(), int(free[place].sum()))
        if not one.spans:
            negatives["texts"] += 1
            negatives["masked_texts"] += bool(spans)
            negatives["characters"] += int(letters.sum())
            for span in spans:
                _add(negatives["types"], span.type, True, int(letters[span.start : span.end].sum()))
    for counts in (negatives, outside):
        counts["types"] = {kind: one for kind, one in sorted(counts["types"].items()) if any(one.values())}
    return {"negatives": negatives, "outside_labels": outside}


def _add(types: dict[str, dict[str, int]], kind: str, spans: bool, characters: int) -> None:
    counts = types.setdefault(kind, {"spans": 0, "characters": 0})
    counts["spans"] += spans
    counts["characters"] += characters
