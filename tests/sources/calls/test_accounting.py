"""The counts of `inspect` where each model call repeats the history before it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.commands.inspect import inspect
from tests.support.source_files import write_lines

AT = "2026-01-05T10:00:00Z"


@pytest.mark.parametrize("form", ["anthropic-messages", "otel-genai"])
def test_histories_that_calls_repeat_are_counted_once(tmp_path: Path, form: str) -> None:
    """Three prompts count as three, however often they are sent again; the copies are merged."""
    calls = []
    for size in (1, 3, 3, 5):  # the third call is the second one, sent again
        texts = [f"said {number}" for number in range(size)]
        if form == "anthropic-messages":
            turns = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
            answer = {"role": "assistant", "content": [{"type": "text", "text": f"said {size}"}]}
            calls.append({"timestamp": AT, "request": {"messages": turns}, "response": answer})
            continue
        parts = [[{"type": "text", "content": text}] for text in [*texts, f"said {size}"]]
        turns = [{"role": ("user", "assistant")[n % 2], "parts": each} for n, each in enumerate(parts)]
        asked, answered = json.dumps(turns[:-1]), json.dumps(turns[-1:])
        messages = {"gen_ai.input.messages": asked, "gen_ai.output.messages": answered}
        calls.append({"span_id": "x", "start_time": AT, "attributes": messages})
    path = write_lines(tmp_path / "log.jsonl", calls)
    (found,) = inspect(str(path), form)["formats"]
    assert (found["sessions"], found["messages"], found["roles"]["user"]) == (1, 6, 3)
    assert found["accounts"] == {
        "records": {"merged": 1, "used": 3},
        "blocks": {"merged": 2 + 4 + 4 + 6 - 6, "used": 6},
    }
