"""The page of reasons has every word that a ledger may have."""

from __future__ import annotations

from pipeline.reference.reasons import CODES, page
from schemas.decisions import DEID_FAILED, Reason, RecordFault
from schemas.units import QUARANTINE_CODES


def test_every_quarantine_code_has_a_meaning() -> None:
    """A new code must be explained, and one that was removed must go."""
    assert set(CODES) == QUARANTINE_CODES


def test_the_last_codes_are_those_of_sessions_that_were_read() -> None:
    """The page says so of the last four."""
    assert set(list(CODES)[-4:]) == {*map(str, RecordFault), DEID_FAILED}


def test_every_reason_has_one_row() -> None:
    """A reader of a ledger looks its words up."""
    rows = [line for line in page().splitlines() if line.startswith("| ")]
    for reason in Reason:
        assert len([row for row in rows if f" `{reason}` |" in row]) == 1, reason
