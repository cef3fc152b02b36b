"""The summary sentences agree with the numbers for a gain, a loss and no change."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.pages.report_summary import age, changed, headline, refusals
from tests.support.made_reports import example


def joined(sentences: list[str]) -> str:
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
def test_an_age_has_its_two_largest_units(seconds: int, words: str) -> None:
    """How old a snapshot is must be read at a glance."""
    assert age(seconds) == words


def test_the_headline_has_the_eligible_sessions_and_the_kind_of_run() -> None:
    """A run, an audit, no input, no readable record, and a suppressed number."""
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


def test_eligible_refusals_are_explained_or_reported_as_unexplained() -> None:
    """None; some that a named rule of the policy keeps; some without an explanation."""
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
    assert "fell from 661,603 to 496,348 (−25.0 %)" in joined(changed(report))
    assert "largest cause is opted_out" in joined(changed(report))
    for row in report["previous"]["reasons"]:
        row["then"], row["now"] = row["now"], row["then"]
        row["then_share"], row["now_share"], row["moved"] = row["now_share"], row["then_share"], -row["moved"]
    assert "rose from 496,348 to 661,603 (+33.3 %)" in joined(changed(report))
    assert "largest cause is opted_out" in joined(changed(report))
    assert "190,420 sessions fewer" in joined(changed(report))
    for row in report["previous"]["reasons"]:
        row["now"], row["now_share"], row["moved"] = row["then"], row["then_share"], 0.0
    assert "stayed" in joined(changed(report))
    assert "largest cause" not in joined(changed(report))
    assert changed({**report, "previous": None}) == []


def test_a_change_of_the_input_is_separate_from_a_change_of_decisions() -> None:
    """An export that lost a file also loses eligible sessions; no rule is the cause."""
    report = example()
    for row in report["previous"]["reasons"]:
        row["now"], row["now_share"], row["moved"] = round(row["then"] * 0.6), row["then_share"], 0.0
    report["counts"]["ledger_rows"] = round(report["previous"]["sessions"] * 0.6)
    text = joined(changed(report))
    assert "fell from 661,603 to 396,962 (−40.0 %)" in text
    assert "That is −264,641 because fewer sessions were read in all." in text
    assert "see the inputs below" in text
    assert "largest cause" not in text


def test_both_parts_of_a_change_add_up_to_it() -> None:
    """More were read, and fewer of them are eligible: each part has its own sign."""
    text = joined(changed(example()))
    assert "That is +36,520 because more sessions were read in all" in text
    assert "and −201,775 because a smaller share of them is eligible" in text
    assert 36_520 - 201_775 == 496_348 - 661_603
    assert "see the inputs" not in text


def test_another_policy_is_named() -> None:
    """The first thing to suspect when everything moved."""
    report = example()
    assert "The policy is another" not in joined(changed(report))
    report["previous"]["policy_id"] = "terms-of-last-year"
    assert "The policy is another: terms-of-last-year then" in joined(changed(report))
