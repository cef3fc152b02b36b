"""`make train-model`, second part: trains the gate to predict the output of the small model.

    python -m transforms.training.gate --texts 16000 --characters 3000000 --out transforms/deid/model FILE...

The texts are of the same kinds. A word is a positive example if the small model gives it a sufficient
probability of belonging to a name or an address. The thresholds of the gate are chosen on held-out texts: at
most the given share of the words with a high probability is lost.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import logging
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import numpy.typing as npt

from schemas.sections.name_models import TaggerConfig
from transforms.deid.model.gate import ANSWERS, GATE_REACH, PLACES, Gate, load_gate, save_gate
from transforms.deid.model.network import LABELS, load_weights
from transforms.deid.model.tagger import Tagger
from transforms.deid.people.line_signs import LineSigns
from transforms.deid.people.reading import Reading
from transforms.deid.spans import Segment
from transforms.deid.text.word_table import WordTable
from transforms.sample.texts.fill import generate_texts
from transforms.training.frames import framed
from transforms.training.sources import words_of
from transforms.training.teachers import chosen, paragraphs

HIDDEN = 24
SEED = 20260102
_EPOCHS = 8
_BATCH = 512
_RATE = 2e-3
_HELD_TEXTS = 3_000
_HELD_FRAMES = 1_000
_HELD_EVERY = 10
_REPEAT_PUBLIC = 2
#: A positive example has the weight _YES + _SURE_YES times its probability, a negative one the weight 1.
_YES, _SURE_YES = 2.0, 6.0
#: By answer, the probability from which a word counts as certain. The thresholds lose a given share of these.
_SURELY = (0.3, 0.4)
_LOST = (0.008, 0.02)
_TEXTS_AT_ONCE = 400
_PIECE = 4_000
_LOG = logging.getLogger("gate")
_Array = npt.NDArray[np.float32]


class Examples(NamedTuple):
    """Vectors of words and their neighbours, the expected answers, and the small model's probabilities."""

    vectors: _Array
    yes: npt.NDArray[np.bool_]
    likely: _Array


def main() -> None:
    """Trains, and writes gate.npz, gate.json and the list of digests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", type=Path, nargs="*", help="JSON (all strings), Python (docstrings) or text")
    parser.add_argument("--texts", type=int, default=16_000, help="synthetic texts")
    parser.add_argument("--frames", type=int, default=8_000, help="texts of frames.yaml")
    parser.add_argument(
        "--characters", type=int, default=3_000_000, help="maximum number of characters of the files"
    )
    parser.add_argument("--out", type=Path, default=Path("transforms/deid/model"))
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    tagger = Tagger(load_weights((given.out / "weights.npz").read_bytes()), None, {})
    words, signs = WordTable(b"training"), LineSigns()
    found = [one for file in sorted(given.files) for one in paragraphs(file)]
    prose = [Segment(text, "user") for text in chosen(found, given.characters)]
    sources = chosen(list(_sources(given.files)), given.characters)
    code = [Segment(text, "tool_result") for text in sources]
    public = [*prose, *code]
    used = [one for n, one in enumerate(public) if n % _HELD_EVERY]
    frames = _frames(given.frames, sources)
    made = [*_made(given.texts, SEED, "train"), *frames[_HELD_FRAMES:]]
    seen = examples([*made, *used * _REPEAT_PUBLIC], tagger, words, signs)
    made = [*_made(_HELD_TEXTS, SEED, "held"), *frames[:_HELD_FRAMES]]
    held = examples([*made, *public[::_HELD_EVERY]], tagger, words, signs)
    gate = with_thresholds(train(seen), held)
    save_gate(gate, given.out / "gate.npz")
    report = {
        "examples": len(seen.yes),
        "held": len(held.yes),
        **figures(load_gate((given.out / "gate.npz").read_bytes()), held),
    }
    (given.out / "gate.json").write_text(json.dumps(report, indent=1) + "\n", "ascii")
    _LOG.info("%s", json.dumps(report))
    write_digests(given.out)


def write_digests(folder: Path) -> None:
    """Writes the list of model files with their SHA-256."""
    names = ("weights.npz", "gate.npz")
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / "weights.sha256").write_text("".join(lines), "ascii")


def examples(segments: Sequence[Segment], tagger: Tagger, words: WordTable, signs: LineSigns) -> Examples:
    """One example for each word of the texts that may belong to a name or an address."""
    parts = []
    for begin in range(0, len(segments), _TEXTS_AT_ONCE):
        reading = Reading([[one] for one in segments[begin : begin + _TEXTS_AT_ONCE]], words, signs)
        if len(reading.tokens.starts):
            parts.append(_examples(reading, tagger))
    return Examples(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _examples(reading: Reading, tagger: Tagger) -> Examples:
    some = np.flatnonzero(reading.maybe_people | reading.maybe_addresses)
    shares = tagger.probabilities(reading, some)
    labels = [LABELS.index(f"B-{kind}") for kind in ("PERSON", "ADDRESS")]
    likely = np.stack([shares[:, label] + shares[:, label + 1] for label in labels], axis=1)
    vectors = np.zeros((len(some), PLACES, tagger.width), dtype=np.float32)
    for place, (kept, beside) in enumerate(reading.beside(some, GATE_REACH)):
        vectors[kept, place] = tagger.vectors(reading, beside)
    config, code = TaggerConfig(), reading.in_code[some]
    people = np.where(code, config.person_in_code / 2, config.person_agreed)
    yes = np.stack([likely[:, 0] >= people, likely[:, 1] >= config.address], axis=1)
    return Examples(vectors.reshape(len(some), -1), yes, likely)


def _sources(files: Sequence[Path]) -> Iterator[str]:
    """Sections of the program sources among the files."""
    for file in sorted(file for file in files if file.suffix == ".py"):
        text = file.read_text("utf-8", "replace")
        yield from (text[begin : begin + _PIECE] for begin in range(0, len(text), _PIECE))


def _made(count: int, seed: int, part: Any) -> list[Segment]:
    return [
        Segment(one.text, "tool_result" if one.kind in ("tool", "code") else "user")
        for one in generate_texts(count, seed, part=part)
    ]


def _frames(count: int, sources: Sequence[str]) -> list[Segment]:
    """Texts of frames with little support for a name; none without sources, whose identifiers they need."""
    words = words_of(sources)
    return [Segment(text, "user") for text, _ in framed(count, SEED, words)] if all(words.values()) else []


def train(seen: Examples) -> Gate:
    """A gate without thresholds, trained by Adam (Kingma and Ba 2015) on the weighted cross entropy.

    Raises ValueError if there are no examples.
    """
    if not len(seen.yes):
        raise ValueError("there are no examples: none of the texts has what may be a name or an address")
    random = np.random.default_rng(SEED)
    width = seen.vectors.shape[1]
    weights = [
        random.normal(0, 0.05, (width, HIDDEN)).astype(np.float32),
        np.zeros(HIDDEN, dtype=np.float32),
        random.normal(0, 0.3, (HIDDEN, ANSWERS)).astype(np.float32),
        np.zeros(ANSWERS, dtype=np.float32),
    ]
    means, squares = ([np.zeros_like(one) for one in weights] for _ in range(2))
    importance = np.where(seen.yes, _YES + _SURE_YES * seen.likely, 1).astype(np.float32)
    # Few examples form one small batch. Of many, the incomplete last batch is left out of the epoch.
    size = min(_BATCH, len(seen.yes))
    batches = len(seen.yes) // size
    steps, step = _EPOCHS * batches, 0
    for epoch in range(_EPOCHS):
        order, loss = random.permutation(len(seen.yes)), 0.0
        for begin in range(0, batches * size, size):
            some = order[begin : begin + size]
            slopes, lost = _slopes(weights, seen.vectors[some], seen.yes[some], importance[some])
            step, loss = step + 1, loss + lost
            rate = _RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
            for weight, slope, mean, square in zip(weights, slopes, means, squares, strict=True):
                mean += 0.1 * (slope - mean)
                square += 0.001 * (slope * slope - square)
                weight -= rate * (mean / (1 - 0.9**step)) / (np.sqrt(square / (1 - 0.999**step)) + 1e-8)
        _LOG.info("epoch %d  loss %.4f", epoch + 1, loss / batches)
    first, bias, out, out_bias = weights
    by_word = first.reshape(PLACES, -1, HIDDEN).transpose(1, 0, 2).reshape(-1, PLACES * HIDDEN)
    return Gate(by_word, bias, out, out_bias, np.zeros(ANSWERS, dtype=np.float32))


def _slopes(
    weights: Sequence[_Array], vectors: _Array, yes: npt.NDArray[np.bool_], importance: _Array
) -> tuple[list[_Array], float]:
    first, bias, out, out_bias = weights
    hidden = np.maximum(vectors @ first + bias, 0)
    shares = 1 / (1 + np.exp(-(hidden @ out + out_bias)))
    loss = -(importance * np.log(np.where(yes, shares, 1 - shares) + 1e-9)).mean()
    slope = (shares - yes) * importance / len(yes)
    back = (slope @ out.T) * (hidden > 0)
    return [vectors.T @ back, back.sum(axis=0), hidden.T @ slope, slope.sum(axis=0)], float(loss)


def with_thresholds(gate: Gate, held: Examples) -> Gate:
    """The gate with thresholds that lose at most a given share of the certain words in held-out texts."""
    scores = _scores(gate, held.vectors)
    found = [
        np.quantile(scores[held.likely[:, answer] >= _SURELY[answer], answer], _LOST[answer])
        for answer in range(ANSWERS)
    ]
    return gate._replace(thresholds=np.floor(np.array(found) * 8).astype(np.float32) / 8)


def figures(gate: Gate, held: Examples) -> dict[str, dict[str, float]]:
    """By answer: the threshold, the shares of positive and passed words, and the recall of positive and certain ones."""
    scores = _scores(gate, held.vectors)
    found = {}
    for answer, name in enumerate(("people", "addresses")):
        through = scores[:, answer] >= gate.thresholds[answer]
        yes, sure = held.yes[:, answer], held.likely[:, answer] >= _SURELY[answer]
        found[name] = {
            "threshold": round(float(gate.thresholds[answer]), 4),
            "yes": round(float(yes.mean()), 4),
            "through": round(float(through.mean()), 4),
            "yes_through": round(float(through[yes].mean()), 4),
            "sure_through": round(float(through[sure].mean()), 4),
        }
    return found


def _scores(gate: Gate, vectors: _Array) -> _Array:
    by_place = gate.words.reshape(-1, PLACES, gate.hidden).transpose(1, 0, 2).reshape(-1, gate.hidden)
    scores: _Array = np.maximum(vectors @ by_place + gate.bias, 0) @ gate.out + gate.out_bias
    return scores


if __name__ == "__main__":
    main()
