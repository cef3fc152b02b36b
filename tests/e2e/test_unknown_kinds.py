"""Kinds of lines and blocks that Claude Code adds after this version of chatsieve, counted in a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_further_ids import line, world, write
from tests.support.command import TWO_WORKERS, chatsieve

pytestmark = pytest.mark.e2e
CANARY = "canary-4711@example.com"


def recordings() -> list[list[Any]]:
    """Two project files with kinds that no version has, one of them under the name of a person."""
    link = {"sessionId": "S1", "timestamp": "2026-01-01T00:00:30.000Z"}
    first = [
        line("u1", None, "S1", "First"),
        {"type": "hologram", "uuid": "h1", "parentUuid": "u1", **link},
        {"type": "hologram", "note": CANARY, **link},
        {"type": CANARY, **link},
        {"type": "system", "subtype": "daydream", "uuid": "s1", "parentUuid": "h1", **link},
        {"type": "attachment", "attachment": {"type": CANARY}, "uuid": "t1", "parentUuid": "s1", **link},
        line("a1", "t1", "S1", "Answer"),
        b"{broken",
    ]
    first[6]["message"]["content"] += [{"type": "smell", "data": CANARY}, {"type": CANARY}]
    second = [line("u2", None, "S2", "Second"), line("a2", "u2", "S2", "Two"), {"type": "hologram"}]
    return [first, second]


def test_unknown_kinds_are_counted_alike_by_a_run_and_by_inspect(tmp_path: Path) -> None:
    """A new kind of line may hold what a person typed; whoever reads only reports must learn of it.

    A kind is named only if it is a plain word: anything else could be content.
    """
    made = world(tmp_path, "claude-code")
    for number, lines in enumerate(recordings()):
        data = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in lines]
        (made.path / "logs" / f"S{number}.jsonl").write_bytes(b"\n".join(data) + b"\n")
    expected = {
        "records": {"attachment other": 1, "hologram": 3, "other": 1, "system daydream": 1},
        "blocks": {"other": 1, "smell": 1},
    }
    lenient = ("--set", "limits.max_quarantined_fraction=1")
    for workers in ((), TWO_WORKERS):
        version = made.run(f"out{len(workers)}", *workers, *lenient, command="audit")
        text = (version / "report/report.json").read_text()
        assert json.loads(text)["not_understood"] == expected
        page = (version / "report/report.html").read_text()
        assert "<code>hologram</code> (lines) 3." in page
        assert CANARY not in text + page
    done = chatsieve("inspect", made.path / "logs", "--format", "claude-code", "--json")
    assert json.loads(done.stdout)["formats"][0]["not_understood"] == expected


def test_a_report_names_no_kind_where_all_are_known(tmp_path: Path) -> None:
    """A warning in every report would be ignored."""
    made = world(tmp_path, "openai-messages")
    write(made, [{"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]}])
    version = made.run("out", command="audit")
    report = json.loads((version / "report/report.json").read_text())
    assert report["not_understood"] == {"records": {}, "blocks": {}}
    assert "not-understood" not in (version / "report/report.html").read_text()
