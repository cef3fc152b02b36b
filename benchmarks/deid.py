"""The speed of the de-identification, compared with stock Presidio with the same spaCy model.

    python -m benchmarks.deid --logs ../recordings/claude_code --logs ../recordings/sharegpt

`--logs` names public recordings, of any format that `chatsieve inspect` detects; a folder is one corpus. The
synthetic corpora have little variety and are for comparison only: chat prose, coding sessions, a mix, texts
full of names, long documents with many names, and worst-case texts. In every corpus a text occurs once:
repeated texts come from caches. Every column has an engine of its own, warmed up with other texts.

Each corpus is masked by stock Presidio (one message at a time): with all of its types, and without those that
chatsieve leaves on purpose. It is masked by the text stage with the spaCy model for uncertain words, and with
the small model alone, and analysed by Presidio's BatchAnalyzerEngine over our recognizers. Prints KB of text
per CPU second, and the factor over stock with all types. Stock Presidio gets a part of each corpus, because
it is slow. The text stage gets sixty-four sessions at a time, as in a worker. `--linear` masks texts of
doubling length instead and prints the time per KB.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import tldextract
from presidio_analyzer import AnalyzerEngine
from presidio_analyzer.nlp_engine import NlpEngineProvider
from presidio_anonymizer import AnonymizerEngine

from pipeline.inputs.config import DEFAULT_DEID
from pipeline.inputs.find_inputs import files_at
from pipeline.runners.process import prepare_process
from schemas.deid import DeidConfig, load_deid
from schemas.keys import KeyedHasher
from schemas.records import Block, Defaults, Limits, Message, Session
from transforms.deid.engine import DeidEngine
from transforms.deid.outline import outline
from transforms.deid.people.name_models import model_path
from transforms.deid.spans import Segment, SessionText
from transforms.read.sessions import sessions_of
from transforms.sample.corpus import generate
from transforms.sample.texts.fill import generate_texts
from transforms.sources.base import InputFile, ReadContext
from transforms.sources.peek import peek_of
from transforms.sources.recognize import formats_of

_SESSION_MESSAGES = 12
_STOCK_CHARACTERS = 60_000
_SESSIONS_A_CALL = 64
_UNITS = (
    "a",
    "1",
    "- ",
    "@",
    "John ",
    "12 Elm St ",
    "=",
    "://a:",
    "A1b2",
    "é",
    "1-",
    "eyJ",
    "password ",
    "\u200b",
    "<b>",
)
#: Types of stock Presidio that chatsieve leaves unmasked on purpose: dates, URLs, places, peoples.
STOCK_ONLY = frozenset({"DATE_TIME", "LOCATION", "NRP", "URL"})
#: The classifier of languages is loaded when a text is not clearly English.
_GERMAN = "Wir haben gestern lange darüber gesprochen, und morgen sehen wir uns das noch einmal an. "
Mask = Callable[[Sequence[SessionText]], object]


def main() -> None:
    """Prints one line per corpus, or the time per KB by length."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sessions", type=int, default=3_000, help="synthetic sessions, a tenth for coding")
    parser.add_argument("--logs", action="append", default=[], help="public recordings; repeatable")
    parser.add_argument("--linear", action="store_true")
    given = parser.parse_args()
    config, _ = load_deid(DEFAULT_DEID)
    if given.linear:
        _print_lengths(DeidEngine(config, bytes(32)))
        return
    small = config.model_copy(update={"models": {}})
    gated = [DeidEngine(config, bytes(32)) for _ in range(2)]
    for engine in gated:
        engine.load_models()
    ours: dict[str, Mask] = {
        "analyzer": _in_batches(gated[0].analyze_sessions),
        "gated": _in_batches(gated[1].mask_sessions),
        "small": _in_batches(DeidEngine(small, bytes(32)).mask_sessions),
    }
    analyzer = stock_analyzer(config)
    types = sorted(analyzer.get_supported_entities("en"))
    kept = [kind for kind in types if kind not in STOCK_ONLY]
    stock, fewer = stock_mask(analyzer, types), stock_mask(analyzer, kept)
    prepare_process()
    for mask in (stock, fewer, *ours.values()):
        mask([*generated_sessions(60, seed=2), SessionText(bytes(16), [Segment(_GERMAN * 9, "user")])])
    print("stock with all its types: " + ", ".join(types))
    print("fewer: without " + ", ".join(kind for kind in types if kind in STOCK_ONLY))
    heads = f"{'corpus':14} {'KB':>7} {'stock':>7} {'fewer':>7}"
    print(heads + "".join(f"{name:>10} {'x':>6}" for name in ours))
    logs = {Path(path).name: logged_sessions(path) for path in given.logs}
    for name, sessions in {**logs, **corpora(given.sessions)}.items():
        distinct = distinct_texts(sessions)
        part = _part(distinct)
        slow = rate(part, stock)
        line = f"{name:14} {_size(distinct) / 1000:7.0f} {slow:7.1f} {rate(part, fewer):7.1f}"
        for mask in ours.values():
            fast = rate(distinct, mask)
            line += f"{fast:10.0f} {fast / slow:6.1f}"
        print(line, flush=True)


def distinct_texts(sessions: Sequence[SessionText]) -> list[SessionText]:
    """The sessions without texts that occurred before, and without sessions that are then empty."""
    known: set[str] = set()
    distinct = []
    for session in sessions:
        segments = []
        for segment in session.segments:
            if segment.text not in known:
                known.add(segment.text)
                segments.append(segment)
        if segments:
            distinct.append(session._replace(segments=segments))
    return distinct


def corpora(count: int) -> dict[str, list[SessionText]]:
    """Sessions of each kind, the same on every run."""
    made = generated_sessions(count)
    dense = _sessions([one.text for one in generate_texts(count, 21) if one.kind == "chat"])
    prose = " ".join(one.text for one in generate_texts(1_500, 22) if one.kind in ("chat", "document"))
    coding = [session for session in made if any(s.kind == "tool_result" for s in session.segments)]
    chats = [session for session in made if not any(s.kind == "tool_result" for s in session.segments)]
    hostile = [SessionText(bytes(16), [Segment(unit * (20_000 // len(unit)), "user")]) for unit in _UNITS]
    long = [
        SessionText(bytes(16), [Segment(prose[n : n + 60_000], "user")]) for n in range(0, len(prose), 60_000)
    ]
    mix = [one for pair in zip(chats, coding, strict=False) for one in pair]
    return {
        "chat": chats,
        "coding": coding,
        "mix": mix,
        "full of names": dense,
        "long documents": long,
        "hostile": hostile,
    }


def generated_sessions(conversations: int, seed: int = 1) -> list[SessionText]:
    """The texts of a synthetic corpus, read as in the pipeline."""
    found = []
    for made in generate(conversations, seed):
        record = made.records[0]
        if isinstance(record, dict) and "messages" in record:
            messages = [_message(message) for message in record["messages"]]
            found.append(SessionText(bytes(16), outline([messages]).segments))
    return found


def logged_sessions(path: str) -> list[SessionText]:
    """The texts of logs of any supported format."""
    found: dict[str, list[InputFile]] = {}
    for file in files_at(path):
        names = formats_of(peek_of(file.path)) if file.size else []
        for name in names[:1]:
            found.setdefault(name, []).append(file)
    context = ReadContext(KeyedHasher(bytes(32)), Limits(), (Defaults(created_at=dt.datetime.now(dt.UTC)),))
    sessions = [
        SessionText(bytes(16), outline([session.messages]).segments)
        for name, files in found.items()
        for session in sessions_of(sorted(files), name, context)
        if isinstance(session, Session)
    ]
    return [session for session in sessions if session.segments]


def stock_analyzer(config: DeidConfig) -> AnalyzerEngine:
    """Stock Presidio with the same model files, and with its domain list read without network access."""
    tldextract.extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
    path = str(model_path(config.models["en"]))
    models = {"nlp_engine_name": "spacy", "models": [{"lang_code": "en", "model_name": path}]}
    return AnalyzerEngine(nlp_engine=NlpEngineProvider(nlp_configuration=models).create_engine())


def stock_mask(analyzer: AnalyzerEngine, types: list[str]) -> Mask:
    """Masks spans of some types, one message at a time."""
    anonymizer = AnonymizerEngine()

    def mask(sessions: Sequence[SessionText]) -> None:
        for session in sessions:
            for segment in session.segments:
                anonymizer.anonymize(segment.text, analyzer.analyze(segment.text, "en", types))

    return mask


def _in_batches(mask: Mask) -> Mask:
    return lambda sessions: [mask(some) for some in itertools.batched(sessions, _SESSIONS_A_CALL)]


def rate(sessions: Sequence[SessionText], mask: Mask) -> float:
    """KB of text per CPU second."""
    started = time.process_time()
    mask(sessions)
    return _size(sessions) / 1000 / (time.process_time() - started)


def _sessions(texts: Sequence[str]) -> list[SessionText]:
    random_ = random.Random(3)
    sessions = []
    for begin in range(0, len(texts), _SESSION_MESSAGES):
        kinds = random_.choice([("user", "assistant"), ("user", "user")])
        part = texts[begin : begin + _SESSION_MESSAGES]
        segments: list[Any] = [Segment(text, kinds[n % 2]) for n, text in enumerate(part)]  # type: ignore[arg-type]
        sessions.append(SessionText(bytes(16), segments))
    return sessions


def _message(message: dict[str, Any]) -> Message:
    content = message["content"]
    blocks = content if isinstance(content, str) else [Block(**block) for block in content]
    return Message(message["message_id"], message["role"], dt.datetime.now(dt.UTC), blocks)


def _size(sessions: Sequence[SessionText]) -> int:
    return sum(len(segment.text.encode()) for session in sessions for segment in session.segments)


def _part(sessions: Sequence[SessionText]) -> list[SessionText]:
    """An even selection of the sessions with a limited number of characters; long texts are cut."""
    part, total = [], 0
    for session in [*sessions[::7], *sessions]:
        segments = [segment._replace(text=segment.text[:5_000]) for segment in session.segments]
        part.append(session._replace(segments=segments))
        total += sum(len(segment.text) for segment in segments)
        if total >= _STOCK_CHARACTERS:
            break
    return part


def _print_lengths(engine: DeidEngine) -> None:
    """Prints CPU microseconds per KB at 50, 100, 200 and 400 KB; equal if the cost is linear."""
    prose = " ".join(one.text for one in generate_texts(3_000, 22))
    for name, unit in [("prose", prose), *((repr(unit), unit) for unit in _UNITS)]:
        times = []
        for size in (50_000, 100_000, 200_000, 400_000):
            text = (unit * (size // len(unit) + 1))[:size]
            started = time.process_time()
            engine.mask_sessions([SessionText(bytes(16), [Segment(text, "user")])])
            times.append((time.process_time() - started) / size * 1e9)
        print(f"{name:14}" + "".join(f"{one:10.0f}" for one in times), flush=True)


if __name__ == "__main__":
    main()
