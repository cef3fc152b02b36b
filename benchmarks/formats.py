"""Reading each format for the decision, against decoding its JSON and doing nothing with it: CPU seconds.

    .venv/bin/python benchmarks/formats.py --megabytes 30

The same made-up conversations in every format that is JSON. The decoder is msgspec's, to plain objects, of
each line or of a whole array. Reading is plan and facts: every record decoded, checked, and its ids
digested. The pairs run in turns; the medians are printed.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from pipeline.worker_main import collect_less_often
from schemas.keys import KeyedHasher
from schemas.records import Defaults, Limits
from transforms.corpus_talk import paragraph
from transforms.files import lines, open_stream
from transforms.sources import InputFile, ReadContext, plan_tasks, plan_units, read_facts

_START = dt.datetime(2026, 1, 5, tzinfo=dt.UTC)
_TURNS = 8
Turns = list[tuple[str, str, str]]


def main() -> None:
    """Prints, for each format, MB/s of the decoder and of reading, and how many times slower reading is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=30, help="text of all conversations")
    parser.add_argument("--pairs", type=int, default=3)
    given = parser.parse_args()
    collect_less_often()
    print(f"{'format':<20} {'MB':>6} {'decoder':>10} {'reading':>10} {'times':>6}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (write, ending) in _WRITERS.items():
            path = Path(folder) / f"{name}{ending}"
            with path.open("w") as file:
                file.writelines(write(_conversations(given.megabytes << 20)))
            pairs = [(_seconds(_decode, path), _seconds(_read, path, name)) for _ in range(given.pairs)]
            megabytes = path.stat().st_size / 1e6
            alone, reading = (statistics.median(times) for times in zip(*pairs, strict=True))
            print(
                f"{name:<20} {megabytes:>6.0f} {megabytes / alone:>5.0f} MB/s "
                f"{megabytes / reading:>5.0f} MB/s {reading / alone:>6.1f}"
            )
            path.unlink()


def _seconds(work: Callable[..., None], *arguments: Any) -> float:
    began = time.process_time()
    work(*arguments)
    return time.process_time() - began


def _decode(path: Path) -> None:
    decoder = msgspec.json.Decoder()
    if path.suffix == ".json":
        decoder.decode(path.read_bytes())
        return
    with open_stream(str(path)) as file:
        for line in lines(file, 0, None, 64 << 20):
            decoder.decode(line.data or b"")


def _read(path: Path, name: str) -> None:
    context = ReadContext(KeyedHasher(bytes(32)), Limits(), (Defaults(created_at=_START),))
    records = 0
    for task in plan_tasks(0, name, [InputFile(str(path), path.stat().st_size)]):
        for unit in plan_units(task)[0]:
            for batch in read_facts(unit, context):
                if batch.quarantined:
                    raise ValueError(batch.quarantined[0].code)
                records += batch.records
    if not records:
        raise ValueError(name)


def _conversations(size: int) -> Iterator[Turns]:
    """Turns of role, text and time; chats with a text of some sentences a turn."""
    rng, made, at = random.Random(1), 0, _START
    while made < size:
        turns: Turns = []
        for number in range(_TURNS):
            at += dt.timedelta(seconds=1)
            role, sentences = ("assistant", 12) if number % 2 else ("user", 3)
            turns.append((role, paragraph(rng, sentences), at.isoformat().replace("+00:00", "Z")))
        made += sum(len(text) for _, text, _ in turns)
        yield turns


def _lined(items: Iterable[Any]) -> Iterator[str]:
    return (json.dumps(item) + "\n" for item in items)


def _array(items: Iterable[Any]) -> Iterator[str]:
    yield "["
    for number, item in enumerate(items):
        yield (",\n" if number else "") + json.dumps(item)
    yield "]"


def _canonical(found: Iterator[Turns]) -> Iterator[str]:
    return _lined(
        {
            "conversation_id": f"c{n}",
            "user_id": f"u{n % 97}",
            "tier": "pro",
            "surface": "chat",
            "created_at": turns[0][2],
            "messages": [
                {"message_id": f"{n}-{m}", "role": role, "sent_at": at, "content": text}
                for m, (role, text, at) in enumerate(turns)
            ],
        }
        for n, turns in enumerate(found)
    )


def _claude_code(found: Iterator[Turns]) -> Iterator[str]:
    shared = {
        "isSidechain": False,
        "userType": "external",
        "cwd": "/work",
        "version": "2.1.0",
        "gitBranch": "main",
    }
    return _lined(
        {
            **shared,
            "parentUuid": f"{n}-{m - 1}" if m else None,
            "uuid": f"{n}-{m}",
            "sessionId": f"s{n}",
            "type": role,
            "timestamp": at,
            "message": {"role": role, "content": text}
            if role == "user"
            else {
                "id": f"msg_{n}_{m}",
                "type": "message",
                "role": role,
                "content": [{"type": "text", "text": text}],
            },
        }
        for n, turns in enumerate(found)
        for m, (role, text, at) in enumerate(turns)
    )


def _claude_export(found: Iterator[Turns]) -> Iterator[str]:
    return _array(
        {
            "uuid": f"c{n}",
            "name": "",
            "created_at": turns[0][2],
            "updated_at": turns[-1][2],
            "account": {"uuid": f"u{n % 97}"},
            "chat_messages": [
                {
                    "uuid": f"{n}-{m}",
                    "sender": "human" if role == "user" else role,
                    "text": "",
                    "content": [{"type": "text", "text": text, "citations": []}],
                    "created_at": at,
                    "attachments": [],
                    "files": [],
                }
                for m, (role, text, at) in enumerate(turns)
            ],
        }
        for n, turns in enumerate(found)
    )


def _chatgpt_export(found: Iterator[Turns]) -> Iterator[str]:
    return _array(
        {
            "id": f"c{n}",
            "create_time": 1767600000.5,
            "current_node": f"{n}-{len(turns) - 1}",
            "mapping": {
                f"{n}-{m}": {
                    "id": f"{n}-{m}",
                    "parent": f"{n}-{m - 1}" if m else None,
                    "children": [f"{n}-{m + 1}"] if m < len(turns) - 1 else [],
                    "message": {
                        "author": {"role": role},
                        "create_time": 1767600000.5 + m,
                        "content": {"content_type": "text", "parts": [text]},
                        "weight": 1.0,
                        "metadata": {},
                        "recipient": "all",
                    },
                }
                for m, (role, text, _) in enumerate(turns)
            },
        }
        for n, turns in enumerate(found)
    )


def _sharegpt(found: Iterator[Turns]) -> Iterator[str]:
    return _array(
        {
            "id": f"c{n}",
            "conversations": [
                {"from": "human" if role == "user" else "gpt", "value": text} for role, text, _ in turns
            ],
        }
        for n, turns in enumerate(found)
    )


def _openai(found: Iterator[Turns]) -> Iterator[str]:
    return _lined(
        {"messages": [{"role": role, "content": text} for role, text, _ in turns]} for turns in found
    )


def _anthropic(found: Iterator[Turns]) -> Iterator[str]:
    return _lined(
        {
            "timestamp": turns[0][2],
            "request": {
                "model": "m",
                "messages": [{"role": role, "content": text} for role, text, _ in turns[:-1]],
                "metadata": {"user_id": f"u{n % 97}"},
            },
            "response": {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "text", "text": turns[-1][1]}],
            },
        }
        for n, turns in enumerate(found)
    )


def _otel(found: Iterator[Turns]) -> Iterator[str]:
    def parts(role: str, text: str) -> dict[str, Any]:
        return {"role": role, "parts": [{"type": "text", "content": text}]}

    return _lined(
        {
            "span_id": f"{n}",
            "start_time": turns[0][2],
            "end_time": turns[-1][2],
            "attributes": {
                "gen_ai.conversation.id": f"c{n}",
                "gen_ai.input.messages": json.dumps([parts(role, text) for role, text, _ in turns[:-1]]),
                "gen_ai.output.messages": json.dumps([parts("assistant", turns[-1][1])]),
            },
        }
        for n, turns in enumerate(found)
    )


_WRITERS: dict[str, tuple[Callable[[Iterator[Turns]], Iterator[str]], str]] = {
    "canonical": (_canonical, ".jsonl"),
    "claude-code": (_claude_code, ".jsonl"),
    "claude-export": (_claude_export, ".json"),
    "chatgpt-export": (_chatgpt_export, ".json"),
    "sharegpt": (_sharegpt, ".json"),
    "openai-messages": (_openai, ".jsonl"),
    "anthropic-messages": (_anthropic, ".jsonl"),
    "otel-genai": (_otel, ".jsonl"),
}


if __name__ == "__main__":
    main()
