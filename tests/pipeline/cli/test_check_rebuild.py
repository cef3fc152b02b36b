"""What `--check-rebuild` takes, and what a run says of the rows that it took over."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.cli.options import share_of
from pipeline.cli.terminal.increment import increment_lines
from pipeline.dataset.state import FIRST
from pipeline.report.increment import check_compared, increment_of
from schemas.errors import ConfigError, PipelineError


@pytest.mark.parametrize(
    ("given", "share"),
    [(None, 0.0), ("5%", 0.05), ("5", 0.05), (" 100% ", 1.0), ("0.5%", 0.005), ("100.0", 1.0)],
)
def test_a_share_is_a_percentage(given: str | None, share: float) -> None:
    """With or without its sign."""
    assert share_of(given) == pytest.approx(share)


@pytest.mark.parametrize("given", ["0", "0%", "101", "100.1%", "-5", "5%%", "five", "", "nan", "1e1", "５"])
def test_anything_else_is_refused_in_one_line(given: str) -> None:
    """Before anything is read."""
    with pytest.raises(ConfigError, match=r"--check-rebuild: expected a percentage above 0 and up to 100"):
        share_of(given)


def text(sessions: int, taken: int) -> dict[str, Any]:
    return {"sessions": sessions, "taken": taken}


def checked(sessions: int, *keys: str) -> dict[str, Any]:
    return {"sessions": sessions, "different": len(keys), "keys": [*keys]}


def test_the_entries_of_all_workers_are_summed() -> None:
    """Masked are the sessions that were not taken over."""
    catalog = {
        "increment": [{"units": 3, "units_read": 1}, {"units": 2, "units_read": 0}],
        "text": [text(5, 0), text(90, 90), text(1, 0)],
        "checked": [checked(2), checked(3)],
        "damaged": [{"file": "b"}, {"file": "a"}, {"file": "b"}],
    }
    figures = increment_of(catalog, ["b", "c"])
    assert (
        figures
        | {
            "sessions_masked": 6,
            "sessions_taken": 90,
            "sessions_checked": 5,
            "damaged": ["a", "b", "c"],
        }
        == figures
    )
    assert list(increment_lines({"from": 3, "units": 5, "units_read": 1, **figures})) == [
        "read 1 of 5 units",
        "6 sessions masked, 90 sessions taken over from version 3",
        "checked 5 sessions: equal",
        "! a of version 3 is missing or damaged; nothing was taken over from it",
        "! b of version 3 is missing or damaged; nothing was taken over from it",
        "! c of version 3 is missing or damaged; nothing was taken over from it",
    ]


def test_only_a_run_after_another_speaks_of_it() -> None:
    """In an audit and in a first version there was nothing to take over; a rebuild has a reason."""
    assert list(increment_lines(None)) == []
    assert list(increment_lines({"from": None, "reason": FIRST})) == []
    rebuilt = {"from": None, "reason": "--rebuild was given"}
    assert list(increment_lines(rebuilt)) == ["full rebuild: --rebuild was given"]


def test_a_difference_names_counts_some_keys_and_the_way_out() -> None:
    """At most five keys, however many workers found some."""
    check_compared({"checked": [checked(5)]})
    check_compared({})
    entries = [checked(9, "f", "b", "d"), checked(1), checked(4, "a", "c", "e")]
    with pytest.raises(PipelineError) as raised:
        check_compared({"checked": entries})
    assert str(raised.value) == (
        "--check-rebuild: 6 of 14 sessions taken over differ from what masking gives (conversation keys "
        "a, b, c, d, e); nothing was committed; run again with --rebuild"
    )
