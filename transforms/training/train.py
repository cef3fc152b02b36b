"""`make train-model`: trains the small model on synthetic texts and on public texts labelled by teachers.

    python -m transforms.training.train --texts 60000 --epochs 8 --out transforms/deid/model

The same seed on the same machine gives the same file: it uses one thread and no clock.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import msgspec
import numpy as np
from thinc.api import Adam, NumpyOps, set_current_ops

from transforms.deid.model.network import LABELS, Weights, save_weights
from transforms.sample.texts.fill import generate_texts
from transforms.training.examples import IGNORED, Example, batches, example_of
from transforms.training.network import network, probabilities_of, weights_of

WIDTH = 96
SEED = 20260101
_DROPOUT = 0.2
_SMOOTHING = 0.05
_BATCH_TOKENS = 6_000
_RATE = 3e-3
_WARM_UP = 100
#: The share of examples held out for the scores printed during training.
_SHARE_HELD = 0.02
_REPEAT_LABELLED = 6
#: Labels of WNUT-17 and their entity types here.
_LABELS = {
    "person": "PERSON",
    "location": "LOCATION",
    "corporation": "ORGANIZATION",
    "group": "ORGANIZATION",
    "product": "WORK",
    "creative-work": "WORK",
}
_LOG = logging.getLogger("train")


class _Line(msgspec.Struct):
    text: str
    spans: list[tuple[int, int, str]]


def main() -> None:
    """Trains, and writes weights.npz. The gate is trained afterwards and writes the list of digests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--texts", type=int, default=60_000, help="synthetic texts")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--taught", type=Path, action="append", help="JSON Lines of `teachers`; repeatable")
    parser.add_argument(
        "--labelled", type=Path, help="JSON Lines labelled by people; every other line is used"
    )
    parser.add_argument("--out", type=Path, default=Path("transforms/deid/model"))
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    set_current_ops(NumpyOps(use_blis=False))
    examples = [
        one
        for text in generate_texts(given.texts, SEED, auxiliary=True, part="train")
        if (one := example_of(text.text, text.spans)) is not None
    ]
    for path in given.taught or ():
        examples += _examples(path.read_bytes().splitlines())
    if given.labelled is not None:
        # The other half is for choosing thresholds.
        examples += _examples(given.labelled.read_bytes().splitlines()[::2]) * _REPEAT_LABELLED
    weights = train(examples, given.epochs, WIDTH, SEED)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "weights.npz"
    save_weights(weights, path)


def _examples(lines: Sequence[bytes]) -> list[Example]:
    found = []
    for line in lines:
        one = msgspec.json.decode(line, type=_Line)
        spans = [(start, end, _LABELS.get(label, label)) for start, end, label in one.spans]
        example = example_of(one.text, spans)
        if example is not None:
            found.append(example)
    return found


def train(examples: Sequence[Example], epochs: int, width: int, seed: int) -> Weights:
    """The weights after `epochs` passes over the examples."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(examples))
    cut = max(1, int(len(examples) * _SHARE_HELD))
    held, used = [examples[n] for n in order[:cut]], [examples[n] for n in order[cut:]]
    model = network(width, _DROPOUT)
    model.initialize(X=held[0].rows)
    optimizer = Adam(_RATE, L2=0.0, grad_clip=1.0)
    steps = max(1, epochs * sum(len(one.labels) + 8 for one in used) // _BATCH_TOKENS)
    step = 0
    for epoch in range(epochs):
        loss = count = 0.0
        for rows, labels in batches(used, _BATCH_TOKENS, random):
            scores, backward = model.begin_update(rows)
            slope, lost, seen = _loss(scores, labels)
            backward(slope)
            optimizer.learn_rate = (
                _RATE * min(1.0, (step + 1) / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * min(1, step / steps)))
            )
            model.finish_update(optimizer)
            loss, count, step = loss + lost, count + seen, step + 1
        _LOG.info("epoch %d  loss %.4f  held %s", epoch + 1, loss / count, _score(weights_of(model), held))
    return weights_of(model)


def _loss(scores: Any, labels: Any) -> tuple[Any, float, int]:
    """Cross entropy of a softmax: its gradient, its sum, and the number of tokens."""
    real = labels != IGNORED
    shifted = scores - scores.max(axis=1, keepdims=True)
    shares = np.exp(shifted)
    shares /= shares.sum(axis=1, keepdims=True)
    places = np.flatnonzero(real)
    wanted = labels[places]
    lost = -np.log(shares[places, wanted] + 1e-9).sum()
    # Label smoothing (Szegedy et al. 2016): thresholds need probabilities between 0 and 1.
    slope = shares - _SMOOTHING / shares.shape[1]
    slope[places, wanted] -= 1 - _SMOOTHING
    slope[~real] = 0
    seen = max(1, len(places))
    return (slope / seen).astype(np.float32), float(lost), seen


def _score(weights: Weights, held: Sequence[Example]) -> str:
    """Recall and precision by token for people and addresses, on the held-out examples."""
    parts = []
    for kind in ("PERSON", "ADDRESS"):
        begin = LABELS.index(f"B-{kind}")
        found = right = wanted = 0
        for one in held:
            vectors = weights.table[one.rows].sum(axis=1)
            shares = probabilities_of(weights, vectors)
            mine = shares[:, begin] + shares[:, begin + 1] > 0.5
            truth = (one.labels == begin) | (one.labels == begin + 1)
            found, right, wanted = (
                found + int(mine.sum()),
                right + int((mine & truth).sum()),
                wanted + int(truth.sum()),
            )
        parts.append(f"{kind} recall {right / max(1, wanted):.3f} precision {right / max(1, found):.3f}")
    return ", ".join(parts)


if __name__ == "__main__":
    main()
