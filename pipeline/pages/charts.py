"""The rows of each chart of a report, computed from report.json only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Rows = list[dict[str, Any]]
DECISIONS = ("eligible", "excluded", "deferred", "quarantined")
_MOST_MOVED = 12
#: The smallest change of a share in the chart of changes.
_LEAST_MOVED = 0.0005
#: The smallest fraction of records that a step of the funnel must drop to be in its chart.
_LEAST_DROPPED = 0.005


def charts_of(report: dict[str, Any]) -> dict[str, Rows]:
    """The rows of each chart, by its name; an empty list if there is nothing to draw."""
    return {
        "funnel": _funnel(report["funnel"]),
        "moved": _moved(report["previous"]),
        "by_month": _splits(report["by_month"]),
        "by_tier": _splits(report["by_tier"]),
        "by_surface": _splits(report["by_surface"]),
        "by_language": [
            {"value": row["language"] or "too little text", "sessions": row["sessions"]}
            for row in report["by_language"] or []
            if isinstance(row["sessions"], int)
        ],
        "by_state": _states(report["consent"]["sessions"]),
        "users": _users(report["consent"]["users"]),
        "retention": [row for row in report["retention"] if row["sessions"]],
        "entities": _entities(report["deid"]),
        "quarantine": _some({"code": row["code"], "records": row["records"]} for row in report["quarantine"]),
        "shards": [{"bytes": file["bytes"]} for file in (report["shards"] or {"files": []})["files"]],
        "explore": _splits(report["by_month"]),
    }


def value_label(value: Any) -> str:
    """The label of a value; `*` means merged values."""
    return "none" if value is None else "not told apart" if value == "*" else str(value)


def state_label(state: str) -> str:
    """The label of a consent state."""
    return {
        "no_record": "in no snapshot",
        "no_user_id": "no user id",
        "unreadable": "unreadable record",
        "*": "not told apart",
    }.get(state, state)


def _funnel(steps: list[dict[str, Any]]) -> Rows:
    """Dropped and remaining records of the first and last steps and of steps that drop many."""
    rows: Rows = []
    start = steps[0]["left"] if steps and isinstance(steps[0]["left"], int) else 0
    for step in steps:
        dropped = step["dropped"] if isinstance(step["dropped"], int) else 0
        rule = step["step"] in ("rule", "unreadable")
        if not isinstance(step["left"], int) or (rule and dropped < max(1, _LEAST_DROPPED * start)):
            continue
        name = {"start": "records read", "merged": "sessions", "rows": "training rows"}.get(step["step"])
        label = name or step["reason"]
        rows.append({"step": label, "what": "left", "rank": 0, "sessions": step["left"]})
        if dropped:
            rows.append({"step": label, "what": "dropped here", "rank": 1, "sessions": dropped})
    return rows if start else []


def _moved(previous: dict[str, Any] | None) -> Rows:
    return [
        {
            "reason": row["reason"],
            "moved": row["moved"] * 100,
            "then": row["then_share"] * 100,
            "now": row["now_share"] * 100,
            "way": "larger share now" if row["moved"] > 0 else "smaller share now",
        }
        for row in (previous or {"reasons": []})["reasons"][:_MOST_MOVED]
        if abs(row["moved"] or 0) >= _LEAST_MOVED
    ]


def _splits(splits: list[dict[str, Any]]) -> Rows:
    return [
        {"value": value_label(row["value"]), "decision": decision, "rank": rank, "sessions": row[decision]}
        for row in splits
        for rank, decision in enumerate(DECISIONS)
        if isinstance(row[decision], int) and row[decision]
    ]


def _states(cells: list[dict[str, Any]]) -> Rows:
    total: dict[tuple[str, str], int] = {}
    for cell in cells:
        key = (cell["state"], cell["decision"])
        total[key] = total.get(key, 0) + (cell["sessions"] or 0)
    return [
        {
            "value": state_label(state),
            "decision": decision,
            "rank": DECISIONS.index(decision) if decision in DECISIONS else len(DECISIONS),
            "sessions": sessions,
        }
        for (state, decision), sessions in total.items()
        if sessions
    ]


def _users(users: dict[str, Any]) -> Rows:
    states = ("granted", "refused", "undecided", "no_record")
    return _some({"state": state_label(state), "users": users[state]} for state in states)


def _entities(deid: dict[str, Any] | None) -> Rows:
    """Rows by type and surface; by type only in a shareable report."""
    if deid is None:
        return []
    surfaces = deid["by_surface"] or [{"surface": "all", "entities": deid["entities"]}]
    return _some(
        {
            "type": row["type"],
            "surface": value_label(surface["surface"]),
            "count": row["count"],
            "per_thousand": row["per_thousand_characters"],
        }
        for surface in surfaces
        for row in surface["entities"]
    )


def _some(rows: Iterable[dict[str, Any]]) -> Rows:
    """The rows whose count is a number and not zero."""
    kept = []
    for row in rows:
        number = next(row[name] for name in ("records", "users", "count") if name in row)
        if isinstance(number, int) and number:
            kept.append(row)
    return kept
