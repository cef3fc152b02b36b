"""The synthetic corpus is reproducible, is written as a stream, and has correct truth data."""

from __future__ import annotations

import collections
import filecmp
import gzip
import itertools
import json
import tracemalloc
from pathlib import Path

import pytest

from pipeline.commands.sample import write_sample
from schemas.decisions import TEXT_REASONS, Reason
from schemas.errors import OutputError
from transforms.sample.corpus import generate

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def test_the_bundled_example_is_what_its_command_makes(tmp_path: Path) -> None:
    """A reader can verify the bundled example."""
    write_sample(tmp_path / "x", conversations=60, seed=7)
    kept = [p.relative_to(EXAMPLES) for p in EXAMPLES.rglob("*") if p.is_file() and p.name != "README.md"]
    assert len(kept) >= 8
    assert [
        name for name in kept if not filecmp.cmp(EXAMPLES / name, tmp_path / "x" / name, shallow=False)
    ] == []


def test_a_corpus_has_every_reason() -> None:
    """The corpus cannot test a reason that it does not contain."""
    reasons = {truth["reason"] for made in generate(2_000, 5) for truth in made.truth}
    assert set(Reason) - TEXT_REASONS <= reasons
    assert {
        "malformed_json",
        "naive_timestamp",
        "missing_field",
        "future_timestamp",
        "subject_conflict",
    } <= reasons


def test_planted_values_are_at_the_places_in_the_truth_file() -> None:
    """The search for a canary is only meaningful if it was planted."""
    seen: collections.Counter[str] = collections.Counter()
    for made in generate(300, 5):
        messages = {
            m["message_id"]: json.dumps(m["content"], ensure_ascii=False)
            for record in made.records
            if isinstance(record, dict)
            for m in record.get("messages", [])
        }
        for place in made.planted:
            assert place["value"] in messages[place["message_id"]].replace('\\"', '"')
            seen[place["where"]] += 1
    assert set(seen) == {"text", "thinking", "tool_input", "tool_result"}


def test_a_smaller_corpus_is_a_prefix_of_a_larger_one() -> None:
    """Each session depends only on the seed and its number."""
    assert list(generate(50, 3)) == list(itertools.islice(generate(500, 3), 50))
    assert list(generate(50, 3)) != list(generate(50, 4))


@pytest.mark.parametrize("conversations", [0, 1])
def test_the_smallest_corpora_are_written(tmp_path: Path, conversations: int) -> None:
    """Sizes 0 and 1 are valid."""
    written = write_sample(tmp_path / "x", conversations=conversations, seed=1)
    logs = [gzip.decompress(file.read_bytes()) for file in (tmp_path / "x/logs").iterdir()]
    assert sum(log.count(b"\n") for log in logs) == written.records == conversations


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    """Existing files must not be overwritten."""
    (tmp_path / "mine").write_text("x")
    with pytest.raises(OutputError, match="is not empty"):
        write_sample(tmp_path, conversations=1, seed=1)


@pytest.mark.faults
def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    """A million sessions must need no more memory than a thousand."""
    peaks = []
    write_sample(tmp_path / "warm", conversations=50, seed=2, input_format="jsonl")
    for conversations in (1_500, 6_000):
        tracemalloc.start()
        write_sample(tmp_path / str(conversations), conversations=conversations, seed=2, input_format="jsonl")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0] + 20_000_000
