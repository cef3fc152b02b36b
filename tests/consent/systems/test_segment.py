"""Consent events of Segment: updates decide, what other events carry along does not."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.consent_systems import Read, refused, source_of, write

SOURCE = source_of(format="segment", category="model_training")


def updated(at: str, received: str | None = None, **categories: Any) -> dict[str, Any]:
    return {
        "type": "track",
        "event": "Segment Consent Preference Updated",
        "userId": "u-77",
        "anonymousId": "23adfd82-aa0f-45a7-a756-24f2a7a4c895",
        "timestamp": at,
        "receivedAt": received or at,
        "context": {"consent": {"categoryPreferences": {"Advertising": True, **categories}}},
    }


def test_updates_are_a_timeline_and_nothing_else_decides(tmp_path: Path) -> None:
    """Every event carries the preferences along, defaults too: only an update is a decision."""
    events = [
        updated("2025-10-03T00:00:00.000Z", model_training=False),
        updated("2025-10-01T00:00:00.000Z", model_training=True),
        updated("2025-10-05T00:00:00.000Z", model_training=True),
        {**updated("2025-10-04T00:00:00Z", model_training=True), "event": "Order Completed"},
        {"type": "page", "context": None, "receivedAt": "2025-10-09T00:00:00Z", "userId": 5},
        {"type": "identify", "event": {"a": 1}, "receivedAt": "no time"},
        {**updated("2025-10-06T00:00:00Z", model_training=False), "event": "Segment Consent Preference"},
    ]
    plain = write(tmp_path / "a.jsonl", *events)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(plain.read_bytes()))
    (tmp_path / "c.json").write_text(json.dumps(events))
    for name in ("a.jsonl", "b.jsonl.gz", "c.json"):
        read = Read([tmp_path / name], SOURCE)
        states = [read.state("u-77", f"2025-10-0{day}T12:00:00Z") for day in range(1, 8)]
        assert states == ["granted", "granted", "refused", "refused", "granted", "refused", "refused"]
        assert read.newest == "2025-10-09T00:00:00Z"
        assert read.records.fault is None


def test_a_category_that_an_update_leaves_out_is_refused(tmp_path: Path) -> None:
    """Segment reads a category that is missing as false; taken for no word at all, it would stay granted."""
    path = write(
        tmp_path / "a.jsonl",
        updated("2025-10-01T00:00:00Z", model_training=True),
        updated("2025-10-02T00:00:00Z"),
    )
    assert Read([path], SOURCE).state("u-77", "2025-10-03T00:00:00Z") == "refused"


def test_an_event_is_known_since_it_was_received(tmp_path: Path) -> None:
    """An offline telephone sends events late. A run for a past moment ignores events received later."""
    late = updated("2025-10-01T00:00:00Z", "2026-02-01T00:00:00Z", model_training="perhaps")
    path = write(tmp_path / "a.jsonl", updated("2025-09-01T00:00:00Z", model_training=True), late)
    read = Read([path], SOURCE)
    assert read.state("u-77", "2025-10-02T00:00:00Z") == "granted"
    assert read.newest == "2025-09-01T00:00:00Z"


def test_events_without_a_user_are_skipped_only_if_the_source_allows_it(tmp_path: Path) -> None:
    """A device id alone cannot be matched to conversations. The config must allow skipping such events."""
    no_user = {**updated("2025-10-02T00:00:00Z", model_training=False), "userId": None}
    path = write(tmp_path / "a.jsonl", updated("2025-10-01T00:00:00Z", model_training=True), no_user)
    refused(path, SOURCE, "line 2: has no userId; `without_user: skip`", "u-77", "23adfd82")
    skipping = source_of(format="segment", category="model_training", without_user="skip")
    assert Read([path], skipping).state("u-77", "2025-10-03T00:00:00Z") == "granted"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"context": {"consent": {"categoryPreferences": {"model_training": "yes"}}}}, "is 'yes'; expected"),
        ({"context": {"consent": {"categoryPreferences": {"model_training": None}}}}, "is null; expected"),
        ({"context": {"consent": {"categoryPreferences": {"model_training": 1}}}}, "is a int; expected"),
        ({"context": {"consent": {"categoryPreferences": {"model_training": "u-77"}}}}, "no plain word"),
        ({"context": {"consent": {}}}, "has no context.consent.categoryPreferences"),
        ({"context": {}}, "has no context.consent.categoryPreferences"),
        ({"userId": 77}, "Expected `str"),
        ({"timestamp": "2025-10-01T00:00:00"}, "timestamp has no time zone"),
        ({"timestamp": None, "receivedAt": None}, "receivedAt is missing"),
    ],
)
def test_an_update_that_is_not_understood_refuses_the_source(
    tmp_path: Path, changed: dict[str, Any], words: str
) -> None:
    """It could be an opt-out. The error names file, place and state, but no user."""
    first = updated("2025-10-01T00:00:00Z", model_training=True)
    refused(
        write(tmp_path / "a.jsonl", first, first | changed), SOURCE, f"line 2: .*{words}", "u-77", "23adfd82"
    )


def test_a_category_given_twice_or_in_no_update_is_a_fault(tmp_path: Path) -> None:
    """Of two values one could be the opt-out; a category that is misspelt would leave everybody out."""
    text = json.dumps(updated("2025-10-01T00:00:00Z", model_training=False))
    (tmp_path / "a.jsonl").write_text(text.replace("false", 'false, "model_training": true'))
    refused(tmp_path / "a.jsonl", SOURCE, "line 1: not a JSON object, or has a key twice", "u-77")
    read = Read([write(tmp_path / "b.jsonl", updated("2025-10-01T00:00:00Z"))], SOURCE)
    assert "no record is about the category model_training; there are: Advertising" in str(read.records.fault)
