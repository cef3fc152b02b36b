"""`chatsieve scrub`: de-identifies text from a file or standard input."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.inputs.config import DEFAULT_DEID
from schemas.deid import load_deid
from schemas.errors import DeidError, InputError
from transforms.deid.engine import DeidEngine
from transforms.deid.spans import Segment, SessionText, Span

_LINES_AT_ONCE = 256


class Scrubbed(NamedTuple):
    """A masked text, and what was masked: offsets are code points of the text as given."""

    text: str
    spans: list[Span]


class _Line(msgspec.Struct):
    text: str


def scrub_text(engine: DeidEngine, text: str) -> Scrubbed:
    """One text as a session of its own; DeidError with the reason if the engine refuses it."""
    masked, found = engine.explain(SessionText(bytes(16), [Segment(text, "user")]))
    if masked.refusal:
        raise DeidError(
            f"the text is refused: {masked.refusal}; see the refuse and language keys of the deid config"
        )
    return Scrubbed(masked.texts[0], found[0])


def scrub_lines(engine: DeidEngine, lines: Iterable[bytes], explain: bool) -> Iterator[bytes]:
    """For each `{"text": ...}` line its answer, each a session of its own; a refused text answers its reason.

    A line that is no such object answers `malformed`. Raises InputError naming the first, after all answers.
    """
    waiting: list[SessionText] = []
    malformed: list[int] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        text = _text_of(line)
        # Lines are as far apart as sessions: nothing may link what stands in two of them.
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
    """The text of a line; Python's decoder takes what the fast one refuses: halves of characters, a mark."""
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
            # Of a text that is refused for what is in it, too: that is why.
            answer["spans"] = [list(span) for spans in found for span in spans]
        yield _encoded(answer)


def _encoded(answer: dict[str, object]) -> bytes:
    try:
        return msgspec.json.encode(answer)
    except UnicodeEncodeError:
        # Half of a character cannot be written but as it was given, escaped.
        return json.dumps(answer, separators=(",", ":")).encode()


def explain_table(spans: Iterable[Span]) -> str:
    """The spans for a person: type, place and score, never the value."""
    rows = [f"{span.type:<16} {span.start:>8} {span.end:>8} {span.score:>6.2f}" for span in spans]
    return "\n".join([f"{'type':<16} {'start':>8} {'end':>8} {'score':>6}", *rows])


def read_input(file: Path | None) -> bytes:
    """The bytes of a file, or of standard input; raises InputError."""
    if file is None:
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror})") from None


def scrub_engine(config: Path | None) -> DeidEngine:
    """An engine with a key of its own: scrubbed texts are linked to nothing."""
    return DeidEngine(load_deid(config or DEFAULT_DEID)[0], secrets.token_bytes(32))
