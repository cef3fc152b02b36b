"""Consent systems: an id that could match nothing, or a field given twice, refuses the source."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import ConsentError
from tests.consent.systems import test_fides, test_iso27560, test_segment
from tests.support.consent_systems import Read, write
from tests.support.given_twice import SPELLINGS, given_twice

UNCLEAN = [" {}", "{} ", "\u00a0{}", "{}\u200b", "\ufeff{}", "{}\n", "a\u0000{}"]
CLEAN = ["a b", "o'neil@example.com", "\u540d\u524d", "x" * 1024]
AT = "2025-10-01T00:00:00Z"


def _fides(user_id: str) -> dict[str, Any]:
    return test_fides.saved("opt_out", AT, external_id=user_id)


def _segment(user_id: str) -> dict[str, Any]:
    return {**test_segment.updated(AT, model_training=False), "userId": user_id}


def _iso27560(user_id: str) -> dict[str, Any]:
    made = test_iso27560.record(test_iso27560.process(test_iso27560.status("ConsentRefused", AT)))
    return {**made, "dpv:hasDataSubject": {"dpv:hasIdentifier": user_id}}


Make = Callable[[str], dict[str, Any]]
SYSTEMS: list[tuple[Make, Any, str]] = [
    (_fides, test_fides.SOURCE, "external_id"),
    (_segment, test_segment.SOURCE, "userId"),
    (_iso27560, test_iso27560.SOURCE, "the identifier of its dpv:hasDataSubject"),
]


@pytest.mark.parametrize(("make", "source", "field"), SYSTEMS)
@pytest.mark.parametrize("spelling", UNCLEAN)
def test_an_id_that_would_match_nothing_is_refused_with_its_record(
    tmp_path: Path, make: Make, source: Any, field: str, spelling: str
) -> None:
    """The record may be an opt-out: it is neither trimmed nor skipped."""
    path = write(tmp_path / "a.jsonl", make("u-1"), make(spelling.format("u-77")))
    with pytest.raises(ConsentError) as refused:
        Read([path], source)
    why = f"line 2: {field} has white space or an invisible character at an end"
    assert str(refused.value).startswith(f"{path}: {why}")
    assert "u-77" not in str(refused.value)


@pytest.mark.parametrize(("make", "source", "field"), SYSTEMS)
def test_other_ids_are_read_and_long_ones_refused(
    tmp_path: Path, make: Make, source: Any, field: str
) -> None:
    """The same ids are valid as in canonical snapshots."""
    for name in CLEAN:
        assert Read([write(tmp_path / "a.jsonl", make(name))], source).state(name, AT) == "refused"
    with pytest.raises(ConsentError, match=f"line 1: {field} is over 1024 bytes"):
        Read([write(tmp_path / "a.jsonl", make("x" * 1025))], source)


@pytest.mark.parametrize(
    ("make", "source", "path"),
    [
        *((_fides, test_fides.SOURCE, (name,))
          for name in ("external_id", "request_timestamp", "preference", "notice_key", "method")),
        *((_segment, test_segment.SOURCE, path) for path in (
            ("event",), ("userId",), ("timestamp",), ("receivedAt",), ("context",), ("context", "consent"),
            ("context", "consent", "categoryPreferences"),
            ("context", "consent", "categoryPreferences", "model_training"))),
        *((_iso27560, test_iso27560.SOURCE, path) for path in (
            ("dpv:hasDataSubject",), ("dpv:hasProcess",), ("dpv:hasProcess", 0, "dpv:hasPurpose"))),
    ],
)  # fmt: skip
def test_a_field_given_twice_is_refused_however_it_is_spelled(
    tmp_path: Path, make: Make, source: Any, path: tuple[str | int, ...]
) -> None:
    """One of the two values may be the opt-out, or the user who opted out."""
    log = tmp_path / "a.jsonl"
    made = make("u-77")
    value: Any = made
    for step in path:
        value = value[step]
    for spelling in SPELLINGS:
        for first in (True, False):
            log.write_text(given_twice(made, path, spelling, value, first=first) + "\n")
            with pytest.raises(ConsentError, match="line 1: not a JSON object, or has a key twice"):
                Read([log], source)
    log.write_text(json.dumps(made).replace("u-77", "\\u0075-77") + "\n")
    assert Read([log], source).state("u-77", AT) == "refused"
