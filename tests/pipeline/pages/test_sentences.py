"""Sentences say what the numbers say, on every side of zero."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.pages.report_summary import age, changed, headline, refusals
from tests.support.made_reports import example


def told(sentences: list[str]) -> str:
    return " ".join(sentences).replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-5, "0 minutes"),
        (0, "0 minutes"),
        (59, "0 minutes"),
        (60, "1 minute"),
        (3_600, "1 hour"),
        (3_720, "1 hour 2 minutes"),
        (86_400, "1 day"),
        (111_600, "1 day 7 hours"),
        (864_000, "10 days"),
    ],
)
def test_an_age_is_told_in_its_two_largest_units(seconds: int, words: str) -> None:
    """How old a snapshot is must be read at a glance."""
    assert age(seconds) == words


def test_the_headline_says_how_many_and_how_sure() -> None:
    """A run, an audit, nothing read, nothing readable, and a number that is withheld."""
    report = example()
    assert headline(report).startswith("496,348 of 1,996,588 sessions are eligible")
    assert " would be " in headline({**report, "kind": "audit"})
    counts = {**report["counts"], "sessions": 0, "ledger_rows": 0}
    assert headline({**report, "counts": counts}) == "Nothing was read"
    assert headline({**report, "counts": {**counts, "ledger_rows": 3}}) == "No record could be read"
    hidden = {**report["counts"], "decisions": {"eligible": "<10"}}
    assert "withheld" in headline({**report, "counts": hidden})


def through(sessions: int, unexplained: int) -> dict[str, Any]:
    report = example()
    kept = [
        {"name": "prior_contributions", "text": "The policy keeps them", "sessions": sessions - unexplained}
    ]
    report["consent"]["refused_eligible"] = {
        "sessions": sessions,
        "exceptions": kept if sessions > unexplained else [],
        "unexplained": unexplained,
    }
    return refusals(report)


def test_refusals_that_got_through_are_told_as_what_they_are() -> None:
    """None; some that the policy keeps by name; some that nothing explains."""
    assert through(0, 0)["answer"].startswith("None. ")
    kept = through(12, 0)
    assert kept["good"]
    assert kept["answer"] == ("12, all of them by a rule of the policy. The policy keeps them: 12 sessions.")
    bad = through(12, 5)
    assert not bad["good"]
    assert bad["answer"].startswith("12, of which 5 are not explained")


def test_a_gain_a_loss_and_no_change_have_their_own_words() -> None:
    """The sign of a change decides which reason can be its cause."""
    report = example()
    assert "fell from 661,603 to 496,348 (−25.0 %)" in told(changed(report))
    assert "largest cause is opted_out" in told(changed(report))
    for row in report["previous"]["reasons"]:
        row["then"], row["now"] = row["now"], row["then"]
        row["then_share"], row["now_share"], row["moved"] = row["now_share"], row["then_share"], -row["moved"]
    assert "rose from 496,348 to 661,603 (+33.3 %)" in told(changed(report))
    assert "largest cause is opted_out" in told(changed(report))
    assert "190,420 sessions fewer" in told(changed(report))
    for row in report["previous"]["reasons"]:
        row["now"], row["now_share"], row["moved"] = row["then"], row["then_share"], 0.0
    assert "stayed" in told(changed(report))
    assert "largest cause" not in told(changed(report))
    assert changed({**report, "previous": None}) == []


def test_a_change_in_what_was_read_is_told_apart_from_one_in_what_was_decided() -> None:
    """An export that lost a file loses eligible sessions, too, and no rule is to blame for it."""
    report = example()
    for row in report["previous"]["reasons"]:
        row["now"], row["now_share"], row["moved"] = round(row["then"] * 0.6), row["then_share"], 0.0
    report["counts"]["ledger_rows"] = round(report["previous"]["sessions"] * 0.6)
    text = told(changed(report))
    assert "fell from 661,603 to 396,962 (−40.0 %)" in text
    assert "That is −264,641 because fewer sessions were read in all." in text
    assert "see the inputs below" in text
    assert "largest cause" not in text


def test_both_parts_of_a_change_add_up_to_it() -> None:
    """More were read, and fewer of them are eligible: each part has its own sign."""
    text = told(changed(example()))
    assert "That is +36,520 because more sessions were read in all" in text
    assert "and −201,775 because a smaller share of them is eligible" in text
    assert 36_520 - 201_775 == 496_348 - 661_603
    assert "see the inputs" not in text


def test_another_policy_is_named() -> None:
    """The first thing to suspect when everything moved."""
    report = example()
    assert "The policy is another" not in told(changed(report))
    report["previous"]["policy_id"] = "terms-of-last-year"
    assert "The policy is another: terms-of-last-year then" in told(changed(report))
