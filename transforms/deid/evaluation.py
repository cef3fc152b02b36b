"""Quality of de-identification on labelled texts: recall, precision, F1 and F2 by type, with intervals.

A labelled span is found if every character of it except white space is masked, under any type: masked text
does not leak. A masked character is correct if it lies in a labelled span of a type in scope. Labels of other
types are excluded from recall and precision. A text or session is without a leak if every labelled span in
it is found. Intervals are the middle 95 % of a bootstrap over sessions (Efron and Tibshirani 1993, 13.3); two
configurations are compared on the same draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.deid.spans import Span

#: Labels of well-known data sets that mean one of our entity types.
ALIASES: Mapping[str, str] = {
    "NAME": "PERSON",
    "PER": "PERSON",
    "NAME_STUDENT": "PERSON",
    "FIRSTNAME": "PERSON",
    "LASTNAME": "PERSON",
    "EMAIL": "EMAIL_ADDRESS",
    "PHONE": "PHONE_NUMBER",
    "PHONENUMBER": "PHONE_NUMBER",
    "STREET_ADDRESS": "ADDRESS",
    "STREET": "ADDRESS",
    "CREDITCARDNUMBER": "CREDIT_CARD",
    "IBAN": "IBAN_CODE",
    "SSN": "US_SSN",
    "PASSPORT_NUMBER": "GOV_ID",
    "DRIVER_LICENSE_NUMBER": "GOV_ID",
    "US_DRIVER_LICENSE": "GOV_ID",
    "US_PASSPORT": "GOV_ID",
    "IDENTIFICATION_NUMBER": "GOV_ID",
    "IP": "IP_ADDRESS",
    "MAC": "MAC_ADDRESS",
    "USER_NAME": "USERNAME",
    "PASSWORD": "SECRET",
    "KEY": "SECRET",
}
ALL = "all"
_COUNTS = (
    "spans",
    "found",
    "typed",
    "characters",
    "covered",
    "masked",
    "right",
    "masked_spans",
    "right_spans",
    "labelled_texts",
    "clean_texts",
    "labelled_sessions",
    "clean_sessions",
)
_LOW, _HIGH = 2.5, 97.5
_DRAWS_AT_ONCE = 50
_Array = npt.NDArray[np.float64]


class Labelled(NamedTuple):
    """A text and its labelled spans: start, end, type.

    Texts with the same `session` are masked together; a text without one is masked alone.
    """

    text: str
    spans: list[tuple[int, int, str]]
    session: str | None = None


class Figure(NamedTuple):
    """A share from 0 to 1 with its interval; None where the denominator is 0."""

    value: float | None
    low: float | None
    high: float | None


class Measured(NamedTuple):
    """The counts of one type, and each figure by name."""

    spans: int
    masked_spans: int
    figures: dict[str, Figure]


class Counts(NamedTuple):
    """Arrays by type with a row per session and a column per count; the type `all` covers every type."""

    by_type: dict[str, _Array]


def type_of(label: str, more: Mapping[str, str]) -> str:
    """The entity type of a label: from `more`, else from the built-in aliases, else the label in upper
    case.
    """
    upper = label.upper()
    return more.get(label) or ALIASES.get(upper, upper)


def count(labelled: Sequence[Labelled], masked: Sequence[Sequence[Span]], scope: Sequence[str]) -> Counts:
    """Counts of each session, in order of its first text, for each type of `scope`."""
    by_type = {kind: np.zeros((len(labelled), len(_COUNTS))) for kind in (*sorted(scope), ALL)}
    for row, (one, spans) in enumerate(zip(labelled, masked, strict=True)):
        for kind, counts in _count(one, spans, frozenset(scope)):
            for column, number in counts.items():
                by_type[kind][row, _COUNTS.index(column)] += number
                by_type[ALL][row, _COUNTS.index(column)] += number
    numbers = np.array(session_numbers(labelled), dtype=np.int64)
    return Counts({kind: _by_session(table, numbers) for kind, table in by_type.items()})


def session_numbers(labelled: Sequence[Labelled]) -> list[int]:
    """By text the number of its session, in order of first texts."""
    known: dict[str | int, int] = {}
    return [
        known.setdefault(number if one.session is None else one.session, len(known))
        for number, one in enumerate(labelled)
    ]


def _by_session(table: _Array, numbers: npt.NDArray[np.int64]) -> _Array:
    """The rows of texts added up by session, with the counts of texts and sessions without a leak."""
    column = {name: place for place, name in enumerate(_COUNTS)}
    sums = np.zeros((int(numbers.max(initial=-1)) + 1, len(_COUNTS)))
    _count_clean(table, column["labelled_texts"], column["clean_texts"])
    np.add.at(sums, numbers, table)
    _count_clean(sums, column["labelled_sessions"], column["clean_sessions"])
    return sums


def _count_clean(table: _Array, labelled: int, clean: int) -> None:
    """Fills two columns: whether the row has labelled spans, and whether all of them are found."""
    spans, found = table[:, _COUNTS.index("spans")], table[:, _COUNTS.index("found")]
    table[:, labelled] = spans > 0
    table[:, clean] = (spans > 0) & (found == spans)


def measure(counts: Counts, draws: int, seed: int = 0) -> dict[str, Measured]:
    """Figures by type, for types that occur among the labels or the masked spans."""
    measured = {}
    for kind, table in counts.by_type.items():
        total = table.sum(axis=0)
        if not total.any():
            continue
        values = _figures(total[None, :])
        spread = {name: np.concatenate(list(parts)) for name, parts in _drawn([table], draws, seed)}
        measured[kind] = Measured(
            int(total[_COUNTS.index("spans")]),
            int(total[_COUNTS.index("masked_spans")]),
            {name: _figure(values[name][0], spread[name]) for name in values},
        )
    return measured


def compare(one: Counts, other: Counts, draws: int, seed: int = 0) -> dict[str, dict[str, Figure]]:
    """By type, each figure of `other` minus that of `one`, on the same texts."""
    differences = {}
    for kind, table in one.by_type.items():
        second = other.by_type.get(kind)
        if second is None or not (table.any() or second.any()):
            continue
        first_values = _figures(table.sum(axis=0)[None, :])
        second_values = _figures(second.sum(axis=0)[None, :])
        spread = {name: np.concatenate(list(parts)) for name, parts in _drawn([table, second], draws, seed)}
        differences[kind] = {
            name: _figure(second_values[name][0] - first_values[name][0], spread[name])
            for name in first_values
        }
    return differences


def missed(labelled: Labelled, masked: Sequence[Span], scope: Sequence[str]) -> list[tuple[int, int, str]]:
    """The labelled spans in scope that are not fully masked."""
    covered = _mask(len(labelled.text), [(span.start, span.end) for span in masked])
    return [
        (start, end, kind)
        for start, end, kind in labelled.spans
        if kind in scope and not _whole(labelled.text, covered, start, end)
    ]


def _count(
    labelled: Labelled, masked: Sequence[Span], scope: frozenset[str]
) -> Iterator[tuple[str, dict[str, int]]]:
    text, size = labelled.text, len(labelled.text)
    covered = _mask(size, [(span.start, span.end) for span in masked])
    right = _mask(size, [(start, end) for start, end, kind in labelled.spans if kind in scope])
    other = _mask(size, [(start, end) for start, end, kind in labelled.spans if kind not in scope]) & ~right
    letters = letters_of(text)
    for start, end, kind in labelled.spans:
        if kind in scope:
            same = _mask(size, [(span.start, span.end) for span in masked if span.type == kind])
            yield (
                kind,
                {
                    "spans": 1,
                    "found": _whole(text, covered, start, end),
                    "typed": _whole(text, same, start, end),
                    "characters": int(letters[start:end].sum()),
                    "covered": int((letters & covered)[start:end].sum()),
                },
            )
    for span in masked:
        if span.type in scope:
            place = slice(span.start, span.end)
            counted = letters[place] & ~other[place]
            inside = int((counted & right[place]).sum())
            yield (
                span.type,
                {
                    "masked": int(counted.sum()),
                    "right": inside,
                    "masked_spans": int(counted.any()),
                    "right_spans": int(inside > 0),
                },
            )


def letters_of(text: str) -> npt.NDArray[np.bool_]:
    """For each character: True if it is not white space."""
    return np.fromiter((not character.isspace() for character in text), dtype=bool, count=len(text))


def labelled_places(labelled: Labelled) -> npt.NDArray[np.bool_]:
    """For each character: True if it is in a labelled span of any type."""
    return _mask(len(labelled.text), [(start, end) for start, end, _ in labelled.spans])


def _whole(text: str, covered: npt.NDArray[np.bool_], start: int, end: int) -> bool:
    return all(covered[place] or text[place].isspace() for place in range(start, end))


def _mask(size: int, stretches: Sequence[tuple[int, int]]) -> npt.NDArray[np.bool_]:
    mask = np.zeros(size, dtype=bool)
    for start, end in stretches:
        mask[start:end] = True
    return mask


def _figures(totals: _Array) -> dict[str, _Array]:
    """Every figure, one value per row of counts; nan where the denominator is 0."""
    column = {name: totals[:, place] for place, name in enumerate(_COUNTS)}
    with np.errstate(divide="ignore", invalid="ignore"):
        span_recall = column["found"] / column["spans"]
        span_precision = column["right_spans"] / column["masked_spans"]
        recall = column["covered"] / column["characters"]
        precision = column["right"] / column["masked"]
        return {
            "span_recall": span_recall,
            "span_recall_same_type": column["typed"] / column["spans"],
            "span_precision": span_precision,
            "span_f1": _f_score(span_precision, span_recall, 1),
            "span_f2": _f_score(span_precision, span_recall, 2),
            "character_recall": recall,
            "character_precision": precision,
            "character_f1": _f_score(precision, recall, 1),
            "character_f2": _f_score(precision, recall, 2),
            "texts_without_leak": column["clean_texts"] / column["labelled_texts"],
            "sessions_without_leak": column["clean_sessions"] / column["labelled_sessions"],
        }


def _f_score(precision: _Array, recall: _Array, beta: int) -> _Array:
    weight = beta * beta
    score: _Array = (1 + weight) * precision * recall / (weight * precision + recall)
    return np.where(precision + recall == 0, 0.0, score)


def _drawn(tables: Sequence[_Array], draws: int, seed: int) -> list[tuple[str, list[_Array]]]:
    """Figures of `draws` samples of sessions with replacement; of two tables, the second minus the first."""
    random = np.random.default_rng(seed)
    size = len(tables[0])
    parts: dict[str, list[_Array]] = {}
    for begin in range(0, draws, _DRAWS_AT_ONCE):
        weights = random.multinomial(
            size, np.full(size, 1 / size), size=min(_DRAWS_AT_ONCE, draws - begin)
        ).astype(np.float64)
        figures = [_figures(weights @ table) for table in tables]
        for name, values in figures[-1].items():
            parts.setdefault(name, []).append(values if len(figures) == 1 else values - figures[0][name])
    return list(parts.items())


def _figure(value: float, spread: _Array) -> Figure:
    seen = spread[~np.isnan(spread)]
    if np.isnan(value) or not len(seen):
        return Figure(None, None, None)
    low, high = np.percentile(seen, [_LOW, _HIGH])
    return Figure(round(float(value), 4), round(float(low), 4), round(float(high), 4))
