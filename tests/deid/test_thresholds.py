"""The thresholds of the small model equal those that the script chose."""

from __future__ import annotations

import json
from pathlib import Path

from schemas.deid import load_deid
from schemas.sections.name_models import TaggerConfig

ROOT = Path(__file__).resolve().parents[2]


def test_the_default_thresholds_are_the_chosen_ones() -> None:
    """A threshold set by hand has no measurement. `make thresholds` writes its output into the repository."""
    chosen = json.loads((ROOT / "benchmarks/thresholds.json").read_text())["chosen"]
    assert load_deid(ROOT / "configs/deid/default.yaml")[0].tagger.model_dump() == chosen
    assert TaggerConfig().model_dump() == chosen, "a config without `tagger:` gets them, too"


def test_the_chosen_thresholds_are_the_best_of_all_measured() -> None:
    """The output lists all measurements, so that the choice can be checked."""
    document = json.loads((ROOT / "benchmarks/thresholds.json").read_text())
    for name, rows in document["tried"].items():
        least = document["min_precision"][name]
        keys = [key for key in rows[0] if key not in ("recall", "precision", "f2")]
        picked = next(row for row in rows if all(row[key] == document["chosen"][key] for key in keys))
        fit = [row for row in rows if row["precision"] >= least] or rows
        top = max(row["f2"] for row in fit)
        assert picked in fit
        assert picked["f2"] >= top - 0.001
        assert all(row["f2"] < top - 0.001 for row in fit if row["recall"] > picked["recall"])
