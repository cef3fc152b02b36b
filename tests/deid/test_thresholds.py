"""The thresholds of the small model are those that the script chose, from what it tried."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.deid import TaggerConfig, load_deid

ROOT = Path(__file__).resolve().parents[2]


def test_the_default_thresholds_are_the_chosen_ones() -> None:
    """A threshold set by hand measures nothing: `make thresholds` chooses, and its output is in the repo."""
    chosen = json.loads((ROOT / "benchmarks/thresholds.json").read_text())["chosen"]
    assert load_deid(ROOT / "configs/deid/default.yaml")[0].tagger.model_dump() == chosen
    assert TaggerConfig().model_dump() == chosen, "a config without `tagger:` gets them, too"


def test_the_chosen_is_the_best_of_what_was_tried() -> None:
    """The output says what else was tried, and that nothing tried was better by its own rule."""
    document = json.loads((ROOT / "benchmarks/thresholds.json").read_text())
    for rows in document["tried"].values():
        keys = [key for key in rows[0] if key not in ("recall", "precision", "f2")]
        picked = next(row for row in rows if all(row[key] == document["chosen"][key] for key in keys))
        best = max(rows, key=lambda row: (row["precision"] >= document["min_precision"], row["f2"]))
        assert picked["f2"] == best["f2"]
