"""`chatsieve scrub`: de-identifies a text, or JSON Lines of texts."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.inputs.config import DEFAULT_DEID
from pipeline.inputs.packs import deid_at
from schemas.errors import DeidError, InputError
from transforms.deid.engine import DeidEngine
from transforms.deid.spans import Segment, SessionText, Span

_LINES_AT_ONCE = 256


class Scrubbed(NamedTuple):
    """A masked text and its replaced spans; offsets are in code points of the original text."""

    text: str
    spans: list[Span]


class _Line(msgspec.Struct):
    text: str


def scrub_text(engine: DeidEngine, text: str) -> Scrubbed:
    """Masks one text as a session; DeidError, with the reason, if it is refused."""
    masked, found = engine.explain(SessionText(bytes(16), [Segment(text, "user")]))
    if masked.refusal:
        raise DeidError(
            f"the text is refused: {masked.refusal}; see refuse and language in the de-identification file"
        )
    return Scrubbed(masked.texts[0], found[0])


def scrub_lines(engine: DeidEngine, lines: Iterable[bytes], explain: bool) -> Iterator[bytes]:
    """One JSON object per `{"text": ...}` line, each masked as a session of its own.

    `text` is null and `refused` has the reason for a refused text; `refused` is "malformed" for a line of any
    other form. After all lines, raises InputError for the first malformed one.
    """
    waiting: list[SessionText] = []
    malformed: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        text = _text_of(line)
        # Each line gets another session key, so that surrogates do not link two lines.
        if text is not None:
            waiting.append(SessionText(number.to_bytes(16, "big"), [Segment(text, "user")]))
        if text is None or len(waiting) == _LINES_AT_ONCE:
            yield from _answers(engine, waiting, explain)
            waiting = []
        if text is None:
            malformed.append(number)
            yield _encoded({"text": None, "refused": "malformed", **({"spans": []} if explain else {})})
    yield from _answers(engine, waiting, explain)
    if malformed:
        others = f" (and {len(malformed) - 1} more)" if len(malformed) > 1 else ""
        raise InputError(f'line {malformed[0]}: expected a JSON object with a string "text"{others}')


def _text_of(line: bytes) -> str | None:
    """The text of a line; `json` accepts what msgspec refuses: lone surrogates and a byte order mark."""
    try:
        return msgspec.json.decode(line, type=_Line).text
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    text = found.get("text") if isinstance(found, dict) else None
    return text if isinstance(text, str) else None


def _answers(engine: DeidEngine, sessions: Sequence[SessionText], explain: bool) -> Iterator[bytes]:
    for masked, found in engine.explain_sessions(sessions):
        answer: dict[str, object] = {"text": None, "refused": masked.refusal}
        if not masked.refusal:
            answer = {"text": masked.texts[0]}
        if explain:
            # Include the spans for a refused text too; they explain the refusal.
            answer["spans"] = [list(span) for spans in found for span in spans]
        yield _encoded(answer)


def _encoded(answer: dict[str, object]) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        # A lone surrogate can only be written escaped.
        return json.dumps(answer, separators=(",", ":")).encode()


def explain_table(spans: Iterable[Span]) -> str:
    """The spans as a table: type, place and score, without the text."""
    rows = [f"{span.type:<16} {span.start:>8} {span.end:>8} {span.score:>6.2f}" for span in spans]
    return "\n".join([f"{'type':<16} {'start':>8} {'end':>8} {'score':>6}", *rows])


def read_input(file: Path | None) -> bytes:
    """The bytes of the file, or of standard input; InputError if it cannot be read."""
    if file is None:
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror}); give an existing file") from None


def scrub_engine(config: Path | str | None) -> DeidEngine:
    """An engine with a random key: surrogates do not link scrubbed texts to any dataset."""
    return DeidEngine(deid_at(config or DEFAULT_DEID)[0], secrets.token_bytes(32), presidio=False)
