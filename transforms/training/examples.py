"""Training examples from labelled texts: per token the rows of the embedding table, and a label."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.deid.model.features import FEATURES, GAPS_AT, LEXICON_AT, PAD, UNKNOWN, feature_rows
from transforms.deid.model.network import DILATIONS, LABELS
from transforms.deid.text.texts import GAPS, Texts, Tokens
from transforms.deid.text.word_table import WordTable

#: The label of tokens on which the teachers disagree. Such tokens do not affect training.
IGNORED = -1
UNSURE = "UNSURE"
#: The number of zero tokens between texts: the reach of the widest block.
PADDING = max(DILATIONS)
_SHARE_WORDS_HIDDEN = 0.15
_SHARE_NAMES_HIDDEN = 0.5
_SHARE_LISTS_HIDDEN = 0.25
_NAME_LABELS = tuple(LABELS.index(label) for label in ("B-PERSON", "I-PERSON"))
_Rows = npt.NDArray[np.int32]
_Labels = npt.NDArray[np.int8]


class Example(NamedTuple):
    """One text: rows of shape (tokens, features), and one label per token."""

    rows: _Rows
    labels: _Labels


def example_of(text: str, spans: Sequence[tuple[int, int, str]]) -> Example | None:
    """The example of a text; types without a label in the model are ignored. None for a text without tokens."""
    tokens = Texts([text]).tokens(_words())
    if not len(tokens.starts):
        return None
    labels = np.zeros(len(tokens.starts), dtype=np.int8)
    starts, ends = tokens.starts, tokens.ends
    for start, end, kind in spans:
        places = np.flatnonzero((starts < end) & (ends > start))
        if len(places) and kind == UNSURE:
            labels[places] = IGNORED
        elif len(places) and f"B-{kind}" in LABELS:
            labels[places] = LABELS.index(f"I-{kind}")
            labels[places[0]] = LABELS.index(f"B-{kind}")
    return Example(_table_rows(text, tokens), labels)


def batches(
    examples: Sequence[Example], size: int, random: np.random.Generator, hide: bool = True
) -> Iterator[tuple[_Rows, _Labels]]:
    """All examples once in a random order, in batches of about `size` tokens, with zeros between the texts."""
    order = random.permutation(len(examples))
    pad = np.full((PADDING, FEATURES + 1), PAD, dtype=np.int32)
    none = np.full(PADDING, IGNORED, dtype=np.int8)
    rows: list[_Rows] = [pad]
    labels: list[_Labels] = [none]
    count = 0
    for place in order:
        one = examples[place]
        rows += [_hidden(one, random) if hide else one.rows, pad]
        labels += [one.labels, none]
        count += len(one.labels) + PADDING
        if count >= size:
            yield np.concatenate(rows), np.concatenate(labels)
            rows, labels, count = [pad], [none], 0
    if count:
        yield np.concatenate(rows), np.concatenate(labels)


def _hidden(example: Example, random: np.random.Generator) -> _Rows:
    """The rows with some words, mostly names, replaced by unknown, so that word shape and context are learned."""
    rows = example.rows.copy()
    name = np.isin(example.labels, _NAME_LABELS)
    chance = random.random(len(rows))
    rows[chance < np.where(name, _SHARE_NAMES_HIDDEN, _SHARE_WORDS_HIDDEN), 0] = UNKNOWN
    off = (random.random(len(rows)) < _SHARE_LISTS_HIDDEN) & name
    rows[off, FEATURES - 1] = LEXICON_AT
    return rows


def _table_rows(text: str, tokens: Tokens) -> _Rows:
    """Per token its rows of the table: one per entry of FEATURES, and one for the gap before it."""
    places = zip(tokens.starts.tolist(), tokens.ends.tolist(), strict=True)
    rows = np.array([_cached_rows(text[start:end]) for start, end in places], dtype=np.int32).reshape(
        -1, FEATURES
    )
    gaps = np.minimum(tokens.gaps, GAPS - 1).astype(np.int32)
    return np.concatenate([rows, (gaps + GAPS_AT)[:, None]], axis=1)


@functools.cache
def _words() -> WordTable:
    return WordTable(b"training")


@functools.lru_cache(maxsize=200_000)
def _cached_rows(word: str) -> tuple[int, ...]:
    return feature_rows(word)
