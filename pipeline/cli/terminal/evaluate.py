"""The result of `chatsieve evaluate`, for a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

_COLUMNS = {
    "recall": "span_recall",
    "precision": "span_precision",
    "F1": "span_f1",
    "F2": "span_f2",
    "char rec.": "character_recall",
    "char prec.": "character_precision",
}


#: Figures of all types together.
_SHARES = {
    "recall of all types": "span_recall",
    "texts without any leak": "texts_without_leak",
    "sessions without any leak": "sessions_without_leak",
}


def print_evaluation(document: dict[str, Any], console: Console) -> None:
    """Prints one row per entity type; for two configurations, also their significant differences."""
    if "difference" in document:
        for name in ("first", "second"):
            _print_one(f"{name} config", document[name], document["texts"], console)
            console.print()
        _print_difference(document, console)
    else:
        _print_one("de-identification", document, document["texts"], console)
    for place in document.get("missed", ()):
        console.print(f"missed  text {place['text']}  {place['start']}-{place['end']}  {place['type']}")


def _print_one(name: str, page: dict[str, Any], texts: int, console: Console) -> None:
    speed = f"{page['kb_per_second']} KB per CPU second"
    console.print(f"{name}: {texts} texts, {page['refused_texts']} refused before masking, {speed}")
    table = Table(box=None, pad_edge=False)
    table.add_column("type")
    table.add_column("spans", justify="right")
    for heading in _COLUMNS:
        table.add_column(heading, justify="right")
    for kind, row in [*page["types"].items(), ("all", page["all"])]:
        if row:
            table.add_row(kind, str(row["spans"]), *(_share(row[key]) for key in _COLUMNS.values()))
    console.print(table)
    for heading, key in _SHARES.items():
        figure = page["all"].get(key)
        if figure and figure[0] is not None:
            console.print(f"{heading}: {figure[0]:.3f} (95 % interval {figure[1]:.3f} to {figure[2]:.3f})")
    negatives = page["over_masking"]["negatives"]
    if negatives["texts"]:
        console.print(f"texts without labels: {negatives['masked_texts']} of {negatives['texts']} are masked")
    console.print(f"spans outside of labels: {_by_type(page['over_masking']['outside_labels'])}")


def _print_difference(document: dict[str, Any], console: Console) -> None:
    console.print(
        f"second config: {document['speed_ratio']:.2f} times the speed of the first; significant differences:"
    )
    significant = [
        f"  {kind} {heading} {figure[0]:+.3f} ({figure[1]:+.3f} to {figure[2]:+.3f})"
        for kind, figures in document["difference"].items()
        for heading, key in _COLUMNS.items()
        if (figure := figures[key])[0] is not None and (figure[1] > 0 or figure[2] < 0)
    ]
    for line in significant or ["  none"]:
        console.print(line)


def _by_type(counts: dict[str, Any]) -> str:
    """The numbers of spans, largest first."""
    spans = sorted(
        ((one["spans"], kind) for kind, one in counts["types"].items() if one["spans"]), reverse=True
    )
    return ", ".join(f"{kind} {number}" for number, kind in spans) or "none"


def _share(figure: list[float | None]) -> str:
    return "-" if figure[0] is None else f"{figure[0]:.3f}"
