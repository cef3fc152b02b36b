"""Chooses the probability thresholds of the small model; writes them with all measurements.

    make thresholds

The measurements use synthetic texts from templates that were not used in training, and the half of a public
set that was not used either; for names that are also words, other texts of the training's frames; for names
in doubt and for capitals inside a sentence, short sentences whose frames are not in training
(`short_sentences.yaml`). For each rule the threshold with the best F2 is chosen among those with at least the
given precision by character; among equally good ones, that with the highest recall. F2 weights recall higher,
because a missed identifier leaks.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.short_sentences import short_sentences
from pipeline.commands.evaluate import read_labelled
from pipeline.inputs.config import DEFAULT_DEID
from schemas.deid import DeidConfig, load_deid
from schemas.sections.name_models import TaggerConfig
from transforms.deid.evaluation import Labelled, count, measure
from transforms.deid.model.tagger import shipped_tagger
from transforms.deid.people.line_signs import LineSigns
from transforms.deid.people.name_models import Found, NameModel, load_name_model
from transforms.deid.people.names import ENGLISH, NameFinder
from transforms.deid.people.reading import Reading
from transforms.deid.spans import Segment, Span
from transforms.deid.text.overlaps import resolve
from transforms.deid.text.word_table import WordTable
from transforms.sample.texts.fill import generate_texts
from transforms.training.frames import framed

ROOT = Path(__file__).parents[1]
PERSON = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.96)
AGREED = (0.02, 0.05, 0.1, 0.2, 0.3)
WORD = (0.6, 0.7, 0.75, 0.8, 0.9, 0.95)
INSIDE = (0.5, 0.6, 0.7, 0.8, 0.9)
BARE = (0.9, 0.93, 0.95)
ALONE = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
CODE = (0.6, 0.7, 0.8, 0.9, 0.93, 0.96)
ADDRESS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
#: Few words of short sentences could be names at all, so that a lower value would limit nothing.
SHORT_MIN_PRECISION = 0.98
#: A smaller difference in F2 is noise.
SAME_F2 = 0.001
TEXTS, FRAMES, SEED = 2_400, 1_500, 7
#: Words of programs in the frames.
WORDS = {"identifier": ["HttpClient", "TreeWalker", "RowBuffer"], "acronym": ["JSON", "CRDT", "WAV"]}
_TOGETHER = 400


class Remembering:
    """A model with a cache, so that it reads each window once for all settings."""

    def __init__(self, model: NameModel) -> None:
        self._model = model
        self.reads_all = model.reads_all
        self._known: dict[str, list[Found]] = {}

    def load(self) -> None:
        """See NameModel.load."""
        self._model.load()

    def entities(self, windows: Sequence[str]) -> list[list[Found]]:
        """See NameModel.entities."""
        new = sorted({window for window in windows if window not in self._known})
        self._known.update(zip(new, self._model.entities(new), strict=True))
        return [self._known[window] for window in windows]


def main() -> None:
    """Prints and writes benchmarks/thresholds.json."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--labelled", type=Path, help="JSON Lines; every other line is used")
    parser.add_argument("--min-precision", type=float, default=0.8)
    given = parser.parse_args()
    config, _ = load_deid(DEFAULT_DEID)
    texts = list(generate_texts(TEXTS, SEED, part="held"))
    made = [Labelled(one.text, one.spans) for one in texts if one.kind in ("chat", "document")]
    code = [Labelled(one.text, one.spans) for one in texts if one.kind in ("tool", "code")]
    people = made + (read_labelled(given.labelled, {})[1::2] if given.labelled else [])
    models = {ENGLISH: Remembering(load_name_model(config.models[ENGLISH]))}
    frames = [Labelled(*one) for one in framed(FRAMES, SEED, WORDS)]
    prose = (config, people, models)
    tried: dict[str, Any] = {}
    chosen = TaggerConfig()
    person = [{"person": value} for value in PERSON]
    chosen = _best("person", person, chosen, "PERSON", prose, "user", given.min_precision, tried)
    alone = [{"person_alone": value} for value in ALONE]
    chosen = _best(
        "person_alone", alone, chosen, "PERSON", (config, people, {}), "user", given.min_precision, tried
    )
    in_code = [{"person_in_code": value} for value in CODE]
    chosen = _best(
        "person_in_code",
        in_code,
        chosen,
        "PERSON",
        (config, code, models),
        "tool_result",
        given.min_precision,
        tried,
    )
    address = [{"address": value} for value in ADDRESS]
    chosen = _best(
        "address", address, chosen, "ADDRESS", (config, made, models), "user", given.min_precision, tried
    )
    # The other texts have few names that are also words.
    short = (config, frames, models)
    word = [{"person_word": value} for value in WORD]
    chosen = _best("person_word", word, chosen, "PERSON", short, "user", given.min_precision, tried)
    bare = [{"person_word_bare": value} for value in BARE]
    chosen = _best("person_word_bare", bare, chosen, "PERSON", short, "user", given.min_precision, tried)
    # The frames are like the training's texts, so that the model is rarely in doubt of them. These are not.
    sentences = [
        Labelled(one.text, [(*place, "PERSON") for place in one.names]) for one in short_sentences(SEED)
    ]
    pairs = [
        {"person_agreed": agreed, "person_word_inside": inside}
        for agreed, inside in itertools.product(AGREED, INSIDE)
        if agreed <= chosen.person
    ]
    unlike, in_doubt = (config, sentences, models), "person_agreed and person_word_inside"
    chosen = _best(in_doubt, pairs, chosen, "PERSON", unlike, "user", SHORT_MIN_PRECISION, tried)
    document = {
        "min_precision": dict.fromkeys(tried, given.min_precision) | {in_doubt: SHORT_MIN_PRECISION},
        "texts": len(people),
        "chosen": chosen.model_dump(),
        "tried": tried,
    }
    (ROOT / "benchmarks/thresholds.json").write_text(json.dumps(document, indent=1) + "\n")
    print("tagger:", json.dumps(chosen.model_dump()))


def _best(
    name: str,
    settings: Sequence[dict[str, float]],
    base: TaggerConfig,
    entity: str,
    material: tuple[DeidConfig, Sequence[Labelled], dict[str, Any]],
    kind: Any,
    min_precision: float,
    tried: dict[str, Any],
) -> TaggerConfig:
    rows = []
    readings = _readings(material[1], kind)
    for setting in settings:
        tagger = base.model_copy(update=setting)
        recall, precision = _measured(tagger, entity, material, readings)
        f2 = 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0
        rows.append({**setting, "recall": recall, "precision": precision, "f2": round(f2, 4)})
    tried[name] = rows
    best = best_row(rows, min_precision)
    return base.model_copy(update={key: best[key] for key in settings[0]})


def best_row(rows: Sequence[dict[str, float]], min_precision: float) -> dict[str, float]:
    """The measurement with the highest recall among those whose F2 is at most `SAME_F2` below the best.

    Only those with `min_precision` count, if there are any.
    """
    fit = [row for row in rows if row["precision"] >= min_precision] or rows
    least = max(row["f2"] for row in fit) - SAME_F2
    return max((row for row in fit if row["f2"] >= least), key=lambda row: (row["recall"], row["precision"]))


def _readings(labelled: Sequence[Labelled], kind: Any) -> list[Reading]:
    """The texts, each a session of its own, some together: a result does not depend on other sessions."""
    words, signs = WordTable(b"thresholds"), LineSigns()
    sessions = [[Segment(one.text, kind)] for one in labelled]
    return [Reading(sessions[n : n + _TOGETHER], words, signs) for n in range(0, len(sessions), _TOGETHER)]


def _measured(
    tagger: TaggerConfig,
    entity: str,
    material: tuple[DeidConfig, Sequence[Labelled], dict[str, Any]],
    readings: Sequence[Reading],
) -> tuple[float, float]:
    config, labelled, models = material
    finder = NameFinder(tagger, shipped_tagger(tagger), models)
    found: list[list[Span]] = []
    for reading in readings:
        for listed, guessed in zip(*finder.find(reading, [ENGLISH] * len(reading.sessions)), strict=True):
            spans = [s for s in listed + guessed if s.type == entity]
            found.append(resolve(s for s in spans if s.score >= config.thresholds[entity]))
    figures = measure(count(labelled, found, [entity]), 10)[entity].figures
    return figures["character_recall"].value or 0.0, figures["character_precision"].value or 0.0


if __name__ == "__main__":
    main()
