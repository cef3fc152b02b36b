"""Masked sessions as training rows, and the sums that the report gives of them."""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.deid.outline import Outline, training_messages
from transforms.deid.spans import Masked


def rows_of(
    decision: dict[str, Any], outlined: Outline, masked: Masked, policy_id: str
) -> Iterator[dict[str, Any]]:
    """One FRAGMENT row per thread; the session's entity counts are in its first row only."""
    for ordinal, fills in enumerate(outlined.rows):
        messages = training_messages(fills, masked.texts)
        counts = sorted(masked.entities.items()) if ordinal == 0 else []
        yield {
            "key": decision["conversation_key"],
            "ordinal": ordinal,
            "conversation_key": decision["conversation_key"].hex(),
            "user_key": decision["user_key"].hex() if decision["user_key"] else None,
            "messages": messages,
            "surface": decision["surface"],
            "tier": decision["tier"],
            "language": masked.language,
            "basis": decision["basis"],
            "policy_id": policy_id,
            "started_on": decision["created_on"],
            "last_active_on": decision["last_active_on"],
            "retain_until": decision["row_retain_until"],
            "turns": sum(message["role"] == "user" for message in messages),
            "entities": [{"key": key, "value": value} for key, value in counts],
        }


class TextFigures:
    """Sums over sessions whose text was read, as the catalog entry `text` has them."""

    def __init__(self) -> None:
        self._sums: collections.Counter[str] = collections.Counter()
        self._written: dict[str, dict[str, Any]] = {}

    def add_sessions(self, sessions: pa.Table) -> None:
        """Adds sessions: rows of ROW_STATE with the column `surface`."""
        refused, again = sessions["refusal"].is_valid(), sessions["masked_again"]
        for name in ("dropped_blocks", "characters", "masked_again"):
            self._sums[name] += pc.sum(sessions[name]).as_py() or 0
        self._sums["sessions"] += sessions.num_rows
        self._sums["refused"] += pc.sum(refused).as_py() or 0
        self._sums["sessions_masked_again"] += pc.sum(pc.greater(again, 0)).as_py() or 0
        written = sessions.select(["surface", "characters"]).filter(pc.invert(refused))
        # Blobs of several workers have dictionaries of their own, which Arrow does not group by.
        written = written.unify_dictionaries()
        found = written.group_by("surface").aggregate([("characters", "sum"), ([], "count_all")])
        for row in found.to_pylist():
            sums = self._of(row["surface"])
            sums["sessions"] += row["count_all"]
            sums["characters"] += row["characters_sum"]

    def add_rows(self, rows: pa.Table) -> None:
        """Adds the replaced spans of written FRAGMENT rows."""
        counts = rows["entities"].combine_chunks()
        surfaces = rows["surface"].combine_chunks().take(pc.list_parent_indices(counts))
        keys, values = counts.flatten().flatten()
        found = pa.table({"surface": surfaces, "key": keys, "value": values})
        for row in found.group_by(["surface", "key"]).aggregate([("value", "sum")]).to_pylist():
            self._of(row["surface"])["entities"][row["key"]] += row["value_sum"]

    def fields(self) -> dict[str, Any]:
        """The fields of the entry."""
        names = ("sessions", "refused", "dropped_blocks", "characters", "masked_again")
        sums = {name: self._sums[name] for name in (*names, "sessions_masked_again")}
        written = {
            surface: {**found, "entities": dict(sorted(found["entities"].items()))}
            for surface, found in sorted(self._written.items())
        }
        return {**sums, "written": written}

    def _of(self, surface: str) -> dict[str, Any]:
        blank = {"sessions": 0, "characters": 0, "entities": collections.Counter[str]()}
        return self._written.setdefault(surface, blank)
