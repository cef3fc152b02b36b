"""What a run took over from the version before it, as lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.dataset.state import FIRST
from pipeline.report.increment import checked_text


def increment_lines(increment: dict[str, Any] | None) -> Iterator[str]:
    """The lines for `increment` of a manifest; none for an audit and for a first version."""
    if increment is None or increment.get("reason") == FIRST:
        return
    if increment["from"] is None:
        yield f"full rebuild: {increment['reason']}"
        return
    yield f"read {increment['units_read']:,} of {increment['units']:,} units"
    masked, taken = increment["sessions_masked"], increment["sessions_taken"]
    yield f"{_sessions(masked)} masked, {_sessions(taken)} taken over from version {increment['from']}"
    if checked := checked_text(increment["sessions_checked"]):
        yield checked
    for name in increment["damaged"]:
        yield f"! {name} of version {increment['from']} is missing or damaged; nothing was taken over from it"


def _sessions(count: int) -> str:
    return f"{count:,} session{'' if count == 1 else 's'}"
