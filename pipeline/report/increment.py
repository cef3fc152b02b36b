"""What a run took over from the version before, and whether a sample of it is what masking gives."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pipeline.report.ledger_counts import Catalog
from schemas.errors import PipelineError

_MOST_KEYS = 5


def increment_of(catalog: Catalog, damaged: Iterable[str]) -> dict[str, Any]:
    """Counts of sessions: masked, taken over, and of these compared with masking.

    `damaged`: files of the version before that are missing or of another size. The result adds those with
    another content. Nothing is taken over from them.
    """
    text = catalog.get("text", [])
    taken = sum(entry["taken"] for entry in text)
    return {
        "sessions_masked": sum(entry["sessions"] for entry in text) - taken,
        "sessions_taken": taken,
        "sessions_checked": sum(entry["sessions"] for entry in catalog.get("checked", [])),
        "damaged": sorted({*damaged, *(entry["file"] for entry in catalog.get("damaged", []))}),
    }


def check_compared(catalog: Catalog) -> str:
    """`checked 5 sessions: equal`, or nothing where none was to be compared.

    Raises PipelineError if a session that was taken over is not what masking gives.
    """
    checked = catalog.get("checked", [])
    sessions, different = (sum(entry[name] for entry in checked) for name in ("sessions", "different"))
    if different:
        keys = sorted(key for entry in checked for key in entry["keys"])[:_MOST_KEYS]
        raise PipelineError(
            f"--check-rebuild: {different} of {sessions} sessions taken over differ from what masking gives "
            f"(conversation keys {', '.join(keys)}); nothing was committed; run again with --rebuild"
        )
    return checked_text(sessions)


def checked_text(sessions: int) -> str:
    """What people are told of compared sessions; nothing for none."""
    return f"checked {sessions:,} session{'' if sessions == 1 else 's'}: equal" if sessions else ""
