"""The limits of a configuration against the counts of a report."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from pipeline.inputs.config import load_settings
from pipeline.report.full import counts_of
from pipeline.report.ledger_counts import Catalog, LedgerCell
from pipeline.report.thresholds import failures_of, unreadable_of
from schemas.reports.document import Report
from tests.support.command import ROOT
from tests.support.made_reports import example


def crossed(limit: float, edit: dict[str, Any], **counts: int) -> list[tuple[str, str]]:
    """(threshold, sentence) of the failures of an example with these counts, inputs and limit."""
    document = example() | edit
    document["counts"] |= counts
    overrides = {"limits.max_quarantined_fraction": limit}
    config = load_settings(ROOT / "configs/demo.yaml", overrides).config
    found = failures_of(msgspec.convert(document, Report), config)
    return [(failure.threshold, failure.text) for failure in found]


@pytest.mark.parametrize(
    ("quarantined", "lost", "expected"),
    [
        (0, 0, []),
        (10, 0, []),
        (11, 0, ["11 of 1000 records could"]),
        (40, 40, []),
        (60, 50, []),
        (61, 50, ["11 of 1000 records could"]),
        (51, 51, ["51 of 5000 lines or messages could"]),
        (62, 51, ["11 of 1000 records could", "51 of 5000 lines or messages could"]),
    ],
)
def test_the_limit_compares_records_with_records_and_lines_with_lines(
    quarantined: int, lost: int, expected: list[str]
) -> None:
    """A few bad lines of 95,712 were counted as bad sessions of 322, and stopped a good run.

    1,000 records beside the lines, 5,000 lines, and a limit of 1 %: 10 and 50 pass, one more does not.
    """
    counts = {"records": 1000 + lost, "quarantined_records": quarantined}
    found = crossed(0.01, {}, **counts, parts=5000, quarantined_parts=lost)
    texts = [text for threshold, text in found if threshold == "limits.max_quarantined_fraction"]
    assert texts == [f"{one} not be read; limits.max_quarantined_fraction is 0.01" for one in expected]


@pytest.mark.parametrize(
    ("input_format", "size", "records", "fails"),
    [
        ("otel-genai", 10, 0, True),
        ("otel-genai", 10, 1, False),
        ("otel-genai", 0, 0, False),
        ("claude-code", 10, 0, False),
    ],
)
def test_an_input_of_spans_of_which_nothing_is_read_is_a_failure(
    input_format: str, size: int, records: int, fails: bool
) -> None:
    """Files of web requests beside a chat log are common; an input of nothing else is a wrong path."""
    one = {"name": "x", "format": input_format, "files": 1, "bytes": size, "records": records}
    found = [threshold for threshold, _ in crossed(1, {"inputs": [one]})]
    assert ("inputs[0]" in found) is fails


def cell(decision: str, reason: str, sessions: int) -> LedgerCell:
    return LedgerCell(decision, reason, None, None, None, None, None, sessions, 0, 0)


def read(number: int, sessions: int, quarantined: int, parts: int, lost: int) -> dict[str, Any]:
    names = ("input", "sessions", "quarantined", "parts", "quarantined_parts")
    return dict(zip(names, (number, sessions, quarantined, parts, lost), strict=True))


def test_parts_are_summed_over_units_and_kept_apart_from_records() -> None:
    """A lost line is in the ledger beside whole records, and must not count as one of these in the limit."""
    catalog: Catalog = {
        "read": [read(0, 3, 2, 40, 2), read(0, 0, 5, 60, 4), read(1, 7, 1, 0, 0)],
        "decided": [{"records": 10, "sessions": 8}],
        "ledger": [{"rows": 16}],
    }
    cells = [cell("eligible", "eligible", 8), cell("quarantined", "malformed_json", 8)]
    counts = counts_of(catalog, cells)
    assert (counts.parts, counts.quarantined_parts) == (100, 6)
    assert (counts.records, counts.quarantined_records) == (18, 8)
    assert [*unreadable_of(counts)] == [("records", 2, 12), ("lines or messages", 6, 100)]
