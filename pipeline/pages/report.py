"""report.html: the page of a report, made from report.json and the identity of its version."""

from __future__ import annotations

import collections
from typing import Any, NamedTuple

from pipeline.pages.charts import DECISIONS, charts_of, state_label, value_label
from pipeline.pages.page import render_page, script_json
from pipeline.pages.report_summary import age, changed, headline, refusals
from schemas.decisions import decision_of
from schemas.manifest import Manifest, digest_without_pages
from schemas.reports.counts import MIXED

#: The largest number of cube rows in a page; with more rows, months are merged to years, then to one value.
MOST_CELLS = 40_000
#: The largest number of files in the table of shards.
MOST_SHARDS = 500
_NAMES = ("reason", "tier", "surface", "month of creation", "basis of consent")


class Identity(NamedTuple):
    """What a page is signed for: the dataset's name, the version, when it was made, and its manifest.

    `digest`: `digest_without_pages` of the manifest as it was committed.
    """

    dataset: str
    version: int
    made_at: str
    digest: str


def identity_of(manifest: Manifest, digest: str | None = None) -> Identity:
    """The identity of a version. `digest`: that of the manifest before an erasure, if there was one.

    Raises KeyError or TypeError for a manifest without the arguments of a run.
    """
    output, audit = manifest.arguments["output"]["path"], manifest.arguments["audit"]["path"]
    path = output if manifest.kind == "run" else audit or f"{output.rstrip('/')}.audit"
    name = path.rstrip("/").rpartition("/")[2] or path
    return Identity(
        name, manifest.dataset_version, manifest.made_at, digest or digest_without_pages(manifest)
    )


def report_page(report: dict[str, Any], identity: Identity) -> bytes:
    """The page, in UTF-8; `report` is the document of report.json, full or shareable."""
    return render_page(
        "report.html.j2",
        charts_of(report),
        report=report,
        identity=identity,
        records_in_quarantine=_in_quarantine(report["counts"]),
        headline=headline(report),
        age=age(report["snapshots"]["age_seconds"]),
        refusals=refusals(report),
        changed=changed(report),
        states=_states(report["consent"]["sessions"]),
        decisions=DECISIONS,
        named=value_label,
        state_words=state_label,
        entities=_entities(report["deid"]),
        most_shards=MOST_SHARDS,
        cube=script_json(_cube(report)),
    )


def _in_quarantine(counts: dict[str, Any]) -> bool:
    """True if quarantine/ has lines: one per record that could not be read, none for quarantined sessions."""
    return bool(counts["quarantined_records"])


def _states(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per consent state: sessions by decision, and eligible sessions by basis."""
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
    """One row per entity type: count, and count per thousand characters in total and by surface."""
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
    """The cube in compact form: each value of a row is an index into `values` of its column."""
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
    """The rows with months cut to their first `keep` characters, and equal rows added up."""
    total: dict[tuple[Any, ...], list[Any]] = collections.defaultdict(lambda: [0, 0])
    for row in rows:
        month = row[3][:keep] if isinstance(row[3], str) and row[3][:1].isdigit() else row[3]
        held = total[(*row[:3], month if keep else "all months", row[4])]
        held[0] += row[5]
        held[1] = None if held[1] is None or row[6] is None else held[1] + row[6]
    return [[*key, *held] for key, held in total.items()]


def _ordered(values: set[Any]) -> list[Any]:
    """Sorted: no value, "earlier", the values, "later", then merged values."""
    place = {None: 0, "earlier": 1, "later": 3, MIXED: 4}
    return sorted(values, key=lambda value: (place.get(value, 2), str(value)))
