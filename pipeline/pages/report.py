"""report.html: the report as a page for people, made from report.json's document and nothing else."""

from __future__ import annotations

import collections
from typing import Any

from pipeline.pages.charts import DECISIONS, charts_of, named, state_words
from pipeline.pages.page import page, script_json
from pipeline.pages.report_summary import age, changed, headline, refusals
from schemas.decisions import decision_of
from schemas.report_counts import MIXED

#: Rows of the cube that a page carries; with more, months are told by the year, then not at all.
MOST_CELLS = 40_000
#: Files that the table of shards lists.
MOST_SHARDS = 500
_NAMES = ("reason", "tier", "surface", "month of creation", "basis of consent")


def report_page(report: dict[str, Any]) -> bytes:
    """The page; `report` is the document of report.json, in full or shareable."""
    return page(
        "report.html.j2",
        charts_of(report),
        report=report,
        headline=headline(report),
        age=age(report["snapshots"]["age_seconds"]),
        refusals=refusals(report),
        changed=changed(report),
        states=_states(report["consent"]["sessions"]),
        decisions=DECISIONS,
        named=named,
        state_words=state_words,
        entities=_entities(report["deid"]),
        most_shards=MOST_SHARDS,
        cube=script_json(_cube(report)),
    )


def _states(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a state of users: its sessions by decision, and the bases of those that are eligible."""
    rows: dict[str, dict[str, Any]] = {}
    for cell in cells:
        row = rows.setdefault(cell["state"], {"state": cell["state"], "bases": {}, "by": {}, "total": 0})
        number = cell["sessions"] or 0
        row["by"][cell["decision"]] = row["by"].get(cell["decision"], 0) + number
        row["total"] += number
        if cell["decision"] == "eligible":
            row["bases"][cell["basis"]] = row["bases"].get(cell["basis"], 0) + number
    return list(rows.values())


def _entities(deid: dict[str, Any] | None) -> list[dict[str, Any]]:
    """One row a type: how many, and per thousand characters in all and on each surface."""
    if deid is None:
        return []
    surfaces = [{row["type"]: row for row in surface["entities"]} for surface in deid["by_surface"]]
    return [
        {
            **row,
            "surfaces": [
                found.get(row["type"], {}).get("per_thousand_characters", 0.0) for found in surfaces
            ],
        }
        for row in deid["entities"]
    ]


def _cube(report: dict[str, Any]) -> dict[str, Any]:
    """The cube by numbers: each row's values are places in `values`, column by column."""
    rows = report["cube"]["rows"]
    for place in (4, 0):
        if len(rows) > MOST_CELLS:
            rows = _folded(rows, place)
    values = [_ordered({row[place] for row in rows}) for place in range(len(_NAMES))]
    places = [{value: place for place, value in enumerate(column)} for column in values]
    coded = [[*(places[n][row[n]] for n in range(len(_NAMES))), *row[len(_NAMES) :]] for row in rows]
    total = report["counts"]["ledger_rows"]
    return {
        "columns": report["cube"]["columns"],
        "names": _NAMES,
        "values": values,
        "decisions": [
            "not told apart" if reason == MIXED else str(decision_of(reason)) for reason in values[0]
        ],
        "rows": coded,
        "total": total,
    }


def _folded(rows: list[list[Any]], keep: int) -> list[list[Any]]:
    """The rows with months cut to their first `keep` characters, those that are alike added up."""
    total: dict[tuple[Any, ...], list[Any]] = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        month = row[3][:keep] if isinstance(row[3], str) and row[3][:1].isdigit() else row[3]
        held = total[(*row[:3], month if keep else "all months", row[4])]
        held[0] += row[5]
        held[1] = None if held[1] is None or row[6] is None else held[1] + row[6]
    return [[*key, *held] for key, held in total.items()]


def _ordered(values: set[Any]) -> list[Any]:
    """No value first, "earlier" before and "later" after all else, what is not told apart last."""
    place = {None: 0, "earlier": 1, "later": 3, MIXED: 4}
    return sorted(values, key=lambda value: (place.get(value, 2), str(value)))
