"""The HTML page of `chatsieve history`: the trend of each reason over the versions of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.pages.page import count, instant, percent, points, render_page, write_page
from pipeline.report.rule_summaries import QUARANTINE_SUMMARIES
from schemas.decisions import RULES
from schemas.reports.counts import MIXED

_SUMMARY = {
    **QUARANTINE_SUMMARIES,
    **{str(rule.reason): rule.summary for rule in RULES},
    "eligible": "May be used for training",
    MIXED: "Reasons that are not told apart",
}
_DECISIONS, _SHARES = "decided", "trend"


def write_history_page(document: dict[str, Any], path: Path) -> None:
    """Writes the page to a new file; OutputError if it exists or cannot be written."""
    write_page(history_page(document), path, "--page")


def history_page(document: dict[str, Any]) -> bytes:
    """The page, in UTF-8."""
    reasons = _reasons(document)
    charts = {f"{_SHARES}:{place}": row["points"] for place, row in enumerate(reasons)}
    return render_page(
        "history.html.j2",
        {_DECISIONS: _decisions(document), **charts},
        document=document,
        headline=_headline(document),
        changes=_changes(document),
        notes=notes(document),
        versions=[_version(one, document["current"]) for one in document["versions"]],
        reasons=reasons,
    )


def notes(document: dict[str, Any]) -> list[str]:
    """A line for each version whose counts are suppressed or were erased later, and for each damaged one."""
    lines = []
    for one in document["versions"]:
        where = f"version {one['version']}"
        if one["min_cell"] is not None:
            lines.append(f"{where}: its report is shareable; counts below {one['min_cell']} are suppressed")
        erased = one["erased"]
        if erased is not None and erased["ledger_rows"] is None:
            lines.append(f"{where}: rows were erased after the run; the counts are those of the run")
        elif erased is not None:
            lines.append(
                f"{where}: erased after the run: {count(erased['training_rows'])} training rows, "
                f"{count(erased['ledger_rows'])} ledger rows; the counts are those of the run"
            )
    lines.extend(
        f"version {bad['version']}: cannot be shown: {bad['fault']}; `chatsieve verify` gives details"
        for bad in document["damaged"]
    )
    return lines


def reason_label(row: dict[str, Any]) -> str:
    """The reason; for merged reasons of a shareable report, their decision."""
    if row["reason"] != MIXED:
        return str(row["reason"])
    return "others" if row["decision"] == MIXED else f"others, {row['decision']}"


def eligible_of(version: dict[str, Any]) -> dict[str, Any]:
    """The row of the decision eligible."""
    found: dict[str, Any] = next(row for row in version["decisions"] if row["decision"] == "eligible")
    return found


def _headline(document: dict[str, Any]) -> str:
    versions = document["versions"]
    if not versions:
        return "No version can be read"
    first, last = versions[0], versions[-1]
    then, now = eligible_of(first)["share"], eligible_of(last)["share"]
    if then is None or now is None:
        return f"{len(versions)} versions; the share of eligible sessions is suppressed"
    if first is last:
        return f"One version: {percent(now)} of sessions are eligible"
    return (
        f"Eligible sessions: {percent(then)} in version {first['version']}, "
        f"{percent(now)} in version {last['version']}"
    )


def _changes(document: dict[str, Any]) -> list[str]:
    """What moved in the newest version, the largest change first, and what the policy did."""
    if len(document["versions"]) < 2:
        return []
    before, last = document["versions"][-2:]
    moved = sorted(
        (row for row in last["reasons"] if row["moved"]), key=lambda row: (-abs(row["moved"]), row["reason"])
    )
    listed = ", ".join(f"{reason_label(row)} ({points(row['moved'])} points)" for row in moved[:3])
    sentences = [
        f"Between versions {before['version']} and {last['version']}, the shares that moved most: {listed}."
        if moved
        else f"No known share moved between versions {before['version']} and {last['version']}."
    ]
    if before["policy_id"] != last["policy_id"]:
        sentences.append(
            f"The policy is another: {before['policy_id']} in version {before['version']}, "
            f"{last['policy_id']} in version {last['version']}."
        )
    return sentences


def _version(one: dict[str, Any], current: int) -> dict[str, Any]:
    return {
        **one,
        "is_current": one["version"] == current,
        "decided": instant(one["as_of"]),
        "eligible": eligible_of(one),
        "found": ", ".join([*one["failed"], *one["warnings"]]),
    }


def _decisions(document: dict[str, Any]) -> list[dict[str, Any]]:
    """A bar for each version, divided by decision."""
    return [
        {
            "version": str(one["version"]),
            "decision": row["decision"],
            "rank": rank,
            "share": row["share"] * 100,
            "sessions": row["sessions"],
        }
        for one in document["versions"]
        for rank, row in enumerate(one["decisions"])
        if row["share"]
    ]


def _reasons(document: dict[str, Any]) -> list[dict[str, Any]]:
    """For each reason its rows, newest version first, and the points of its chart, oldest first.

    A version that is damaged, or whose count is suppressed, has a point without a share: a gap in the line.
    """
    versions = document["versions"]
    if not versions:
        return []
    gaps = [{"version": bad["version"], "at": bad["at"], "share": None} for bad in document["damaged"]]
    found = []
    for place, head in enumerate(versions[-1]["reasons"]):
        cells = [{**one, **one["reasons"][place]} for one in versions]
        drawn = sorted([*cells, *gaps], key=lambda cell: cell["version"])
        is_drawn = any(cell["share"] is not None for cell in cells)
        found.append(
            {
                "name": reason_label(head),
                "decision": head["decision"],
                "summary": _SUMMARY.get(head["reason"], ""),
                "cells": [
                    {
                        "version": cell["version"],
                        "decided": cell["as_of"][:10],
                        "sessions": cell["sessions"],
                        "share": cell["share"],
                        "moved": cell["moved"],
                    }
                    for cell in reversed(cells)
                ],
                "points": [_point(cell) for cell in drawn] if is_drawn else [],
            }
        )
    return found


def _point(cell: dict[str, Any]) -> dict[str, Any]:
    part = cell["share"]
    return {"version": str(cell["version"]), "at": cell["at"], "share": None if part is None else part * 100}
