"""The warnings of a report: when each is given, and that none contradicts the counts beside it."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.inputs.config import load_settings
from pipeline.report.units import counted
from pipeline.report.warnings import warnings_of
from schemas.reports.document import Report
from tests.support.command import ROOT
from tests.support.made_reports import example


@pytest.mark.parametrize(
    ("quarantined", "parts", "lost", "text"),
    [
        (5, 0, 0, None),
        (6, 0, 0, "above half of limits.max_quarantined_fraction"),
        (10, 0, 0, "above half of limits.max_quarantined_fraction"),
        (11, 0, 0, "is above limits.max_quarantined_fraction"),
        (50, 10_000, 50, None),
        (51, 10_000, 51, "above half of limits.max_quarantined_fraction"),
        (101, 10_000, 101, "is above limits.max_quarantined_fraction"),
    ],
)
def test_a_passed_limit_is_not_called_half_of_it(
    quarantined: int, parts: int, lost: int, text: str | None
) -> None:
    """1,000 rows besides lost lines, and a limit of 1 %: a signer stops at "half" where it is threefold."""
    document = example()
    document["counts"] |= {"ledger_rows": 1000 + lost, "parts": parts, "quarantined_parts": lost}
    document["counts"]["decisions"] = {"eligible": 900, "quarantined": quarantined}
    config = load_settings(ROOT / "configs/demo.yaml", {"limits.max_quarantined_fraction": 0.01}).config
    found = warnings_of(msgspec.convert(document, Report), config)
    texts = [warning.text for warning in found if warning.code == "quarantine_high"]
    assert len(texts) == (text is not None)
    assert text is None or text in texts[0]


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "0 users"),
        (1, "1 user"),
        (2, "2 users"),
        (1200, "1,200 users"),
        ("<10", "<10 users"),
        (None, "– users"),
    ],
)
def test_a_count_of_one_has_a_singular_unit(number: int | str | None, words: str) -> None:
    """A report said "1 users"."""
    assert counted(number, "users") == words
