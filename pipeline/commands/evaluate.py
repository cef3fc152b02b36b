"""`chatsieve evaluate`: recall, precision and speed of a de-identification config on labelled texts."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from pipeline.inputs.config import DEFAULT_DEID
from pipeline.inputs.packs import deid_at
from schemas.decisions import Reason
from schemas.deid import DeidConfig
from schemas.errors import InputError
from transforms.deid.engine import DeidEngine
from transforms.deid.evaluation import (
    ALL,
    Counts,
    Figure,
    Labelled,
    Measured,
    compare,
    count,
    measure,
    missed,
    session_numbers,
    type_of,
)
from transforms.deid.overmasking import over_masking
from transforms.deid.spans import Segment, SessionText, Span
from transforms.sample.texts.fill import generate_texts

_SESSIONS_AT_ONCE = 256
#: So many texts are enough to use every part of a config once.
_WARM_UP = 64
_UNREAD = frozenset({str(Reason.LANGUAGE_UNSUPPORTED), str(Reason.OVERSIZE)})


class _Line(msgspec.Struct):
    text: str
    spans: list[tuple[int, int, str]]
    session: str | None = None


class MaskingRun(NamedTuple):
    """The spans of each text (None if the text is refused before masking), and KB of text per CPU second."""

    masked: list[list[Span] | None]
    kb_per_second: float


def evaluate(
    labelled: Sequence[Labelled],
    deid: Path | str | None = None,
    against: Path | str | None = None,
    draws: int = 1_000,
    misses: int = 0,
) -> dict[str, Any]:
    """The evaluation as a JSON document; with `against`, of both configs, and their differences.

    Sessions that are refused before masking are counted separately, since they leak nothing. A comparison
    skips those that either config refuses. Raises ConfigError or DeidError.
    """
    configs = [deid_at(path or DEFAULT_DEID)[0] for path in ((deid,) if against is None else (deid, against))]
    scope = sorted({entity for config in configs for entity in config.thresholds})
    for config in configs:
        # What a process loads and compiles at first use would count for the first config alone.
        mask_labelled(config, labelled[:_WARM_UP])
    runs = [mask_labelled(config, labelled) for config in configs]
    kept = [n for n in range(len(labelled)) if all(one.masked[n] is not None for one in runs)]
    counts = [_counted(labelled, one, kept, scope) for one in runs]
    pages = [
        _page(one, measure(count_, draws)) | {"over_masking": _over_masked(labelled, one, kept)}
        for one, count_ in zip(runs, counts, strict=True)
    ]
    document: dict[str, Any] = {"texts": len(labelled), "scope": scope}
    if against is None:
        document |= pages[0]
    else:
        document |= {
            "first": pages[0],
            "second": pages[1],
            "difference": _plain(compare(counts[0], counts[1], draws)),
            "speed_ratio": round(runs[1].kb_per_second / runs[0].kb_per_second, 3),
        }
    if misses:
        document["missed"] = _misses(labelled, runs[0], scope, misses)
    return document


def synthetic_texts(count_: int, seed: int) -> list[Labelled]:
    """Synthetic labelled texts, from templates that were not used to train the bundled model."""
    return [Labelled(one.text, one.spans) for one in generate_texts(count_, seed, part="held")]


def read_labelled(file: Path, types: Mapping[str, str]) -> list[Labelled]:
    """The labelled texts of a JSON Lines file; InputError, with the line, for an invalid one."""
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None
    labelled = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            one = msgspec.json.decode(line, type=_Line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise InputError(
                f'{file}: line {number}: expected {{"text": string, "spans": [[start, end, "TYPE"], ...]}}, '
                'and a string "session" if texts belong together'
            ) from None
        if not all(0 <= start < end <= len(one.text) for start, end, _ in one.spans):
            raise InputError(
                f"{file}: line {number}: a span is outside the text; count offsets in code points"
            )
        labelled.append(
            Labelled(
                one.text,
                [(start, end, type_of(label, types)) for start, end, label in one.spans],
                one.session,
            )
        )
    if not labelled:
        raise InputError(f"{file}: no labelled text; expected one JSON object per line")
    return labelled


def mask_labelled(config: DeidConfig, labelled: Sequence[Labelled]) -> MaskingRun:
    """Masks each session of the texts."""
    engine = DeidEngine(config, secrets.token_bytes(32))
    engine.explain(_session(["Warm up, please."], 0))
    numbers: dict[int, list[int]] = {}
    for number, session in enumerate(session_numbers(labelled)):
        numbers.setdefault(session, []).append(number)
    sessions = [_session([labelled[n].text for n in some], session) for session, some in numbers.items()]
    masked: list[list[Span] | None] = [None] * len(labelled)
    started = time.process_time()
    for some in itertools.batched(zip(sessions, numbers.values(), strict=True), _SESSIONS_AT_ONCE):
        for (_, texts), (result, found) in zip(
            some, engine.explain_sessions([session for session, _ in some]), strict=True
        ):
            if result.refusal not in _UNREAD:
                for number, spans in zip(texts, found, strict=True):
                    masked[number] = spans
    seconds = time.process_time() - started
    size = sum(len(one.text.encode("utf-8", "replace")) for one in labelled)
    return MaskingRun(masked, size / 1000 / seconds)


def types_of(pairs: Sequence[str]) -> dict[str, str]:
    """`LABEL=TYPE` pairs as a mapping; InputError for any other text."""
    types = {}
    for pair in pairs:
        label, equals, kind = pair.partition("=")
        if not equals or not label or not kind:
            raise InputError(f"--type {pair}: expected LABEL=TYPE, such as NAME=PERSON")
        types[label] = kind
    return types


def _session(texts: Sequence[str], number: int) -> SessionText:
    return SessionText(number.to_bytes(16, "big"), [Segment(text, "user") for text in texts])


def _over_masked(labelled: Sequence[Labelled], ran: MaskingRun, kept: Sequence[int]) -> dict[str, Any]:
    return over_masking([labelled[n] for n in kept], [ran.masked[n] or [] for n in kept])


def _counted(
    labelled: Sequence[Labelled], ran: MaskingRun, kept: Sequence[int], scope: Sequence[str]
) -> Counts:
    return count([labelled[n] for n in kept], [ran.masked[n] or [] for n in kept], scope)


def _page(ran: MaskingRun, measured: Mapping[str, Measured]) -> dict[str, Any]:
    return {
        "refused_texts": sum(spans is None for spans in ran.masked),
        "kb_per_second": round(ran.kb_per_second, 1),
        "types": {kind: _row(one) for kind, one in measured.items() if kind != ALL},
        ALL: _row(measured[ALL]) if ALL in measured else {},
    }


def _row(measured: Measured) -> dict[str, Any]:
    figures = {name: list(figure) for name, figure in measured.figures.items()}
    return {"spans": measured.spans, "masked_spans": measured.masked_spans, **figures}


def _plain(figures: Mapping[str, Mapping[str, Figure]]) -> dict[str, dict[str, list[float | None]]]:
    return {kind: {name: list(figure) for name, figure in some.items()} for kind, some in figures.items()}


def _misses(
    labelled: Sequence[Labelled], ran: MaskingRun, scope: Sequence[str], limit: int
) -> list[dict[str, Any]]:
    """The places of missed spans, without their text."""
    places: list[dict[str, Any]] = []
    for number, (one, masked) in enumerate(zip(labelled, ran.masked, strict=True), 1):
        if masked is not None:
            places += [
                {"text": number, "start": start, "end": end, "type": kind}
                for start, end, kind in missed(one, masked, scope)
            ]
    return places[:limit]
