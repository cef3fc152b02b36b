"""`make train-model`: trains the small model on synthetic texts, public texts labelled by teachers, and sources.

    python -m transforms.training.train --texts 60000 --epochs 8 --out transforms/deid/model FILE...

The same seed on the same machine gives the same file: it uses one thread and no clock.
"""

from __future__ import annotations

import argparse
import logging
import math
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import msgspec
import numpy as np
from thinc.api import Adam, NumpyOps, set_current_ops

from transforms.deid.model.network import LABELS, Weights, load_weights, save_weights
from transforms.sample.texts.fill import generate_texts
from transforms.training.examples import IGNORED, Example, batches, example_of
from transforms.training.frames import framed
from transforms.training.network import continue_from, network, probabilities_of, weights_of
from transforms.training.renamed import renamed
from transforms.training.sources import pieces, words_of

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
_REPEAT_RENAMED = 2
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
_Text = tuple[str, list[tuple[int, int, str]]]


class _Line(msgspec.Struct):
    text: str
    spans: list[tuple[int, int, str]]


def main() -> None:
    """Trains, and writes weights.npz. The gate is trained afterwards and writes the list of digests."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", type=Path, nargs="*", help="program sources and recorded sessions without people"
    )
    parser.add_argument("--texts", type=int, default=60_000, help="synthetic texts")
    parser.add_argument("--frames", type=int, default=20_000, help="texts of frames.yaml")
    parser.add_argument(
        "--characters", type=int, default=1_000_000, help="maximum number of characters of FILE"
    )
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--taught", type=Path, action="append", help="JSON Lines of `teachers`; repeatable")
    parser.add_argument(
        "--labelled", type=Path, help="JSON Lines labelled by people; every other line is used"
    )
    parser.add_argument(
        "--from", dest="earlier", type=Path, help="weights.npz of an earlier training to continue"
    )
    parser.add_argument(
        "--renamed", type=float, default=0.3, help="share of synthetic prose with other names"
    )
    parser.add_argument("--rate", type=float, default=_RATE, help="greatest learning rate")
    parser.add_argument("--out", type=Path, default=Path("transforms/deid/model"))
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    set_current_ops(NumpyOps(use_blis=False))
    random_ = random.Random(SEED)
    texts = list(_synthetic(given.texts, given.renamed, random_))
    sources = list(pieces(given.files, given.characters, random_))
    texts += sources
    if given.frames:
        texts += framed(given.frames, SEED, words_of([text for text, _ in sources]))
    for path in given.taught or ():
        taught = list(_labelled(path.read_bytes().splitlines()))
        named = [one for one in taught if any(label == "PERSON" for _, _, label in one[1])]
        texts += taught
        repeat = _REPEAT_RENAMED if given.renamed else 0
        texts += [renamed(text, spans, random_) for text, spans in named * repeat]
    if given.labelled is not None:
        # The other half is for choosing thresholds.
        texts += list(_labelled(given.labelled.read_bytes().splitlines()[::2])) * _REPEAT_LABELLED
    made = (example_of(text, spans) for text, spans in texts)
    examples = [one for one in made if one is not None]
    earlier = load_weights(given.earlier.read_bytes()) if given.earlier else None
    weights = train(examples, given.epochs, WIDTH, SEED, given.rate, earlier)
    given.out.mkdir(parents=True, exist_ok=True)
    path = given.out / "weights.npz"
    save_weights(weights, path)


def _synthetic(count: int, share: float, random_: random.Random) -> Iterator[_Text]:
    """Synthetic texts; a share of chats and documents has other names."""
    for one in generate_texts(count, SEED, auxiliary=True, part="train"):
        if one.kind in ("chat", "document") and random_.random() < share:
            yield renamed(one.text, one.spans, random_)
        else:
            yield one.text, one.spans


def _labelled(lines: Sequence[bytes]) -> Iterator[_Text]:
    for line in lines:
        one = msgspec.json.decode(line, type=_Line)
        yield one.text, [(start, end, _LABELS.get(label, label)) for start, end, label in one.spans]


def train(
    examples: Sequence[Example],
    epochs: int,
    width: int,
    seed: int,
    rate: float = _RATE,
    earlier: Weights | None = None,
) -> Weights:
    """The weights after `epochs` passes over the examples, from `earlier` weights or random ones."""
    shuffle = np.random.default_rng(seed)
    order = shuffle.permutation(len(examples))
    cut = max(1, int(len(examples) * _SHARE_HELD))
    held, used = [examples[n] for n in order[:cut]], [examples[n] for n in order[cut:]]
    model = network(width, _DROPOUT)
    model.initialize(X=held[0].rows)
    if earlier is not None:
        continue_from(model, earlier)
    optimizer = Adam(rate, L2=0.0, grad_clip=1.0)
    steps = max(1, epochs * sum(len(one.labels) + 8 for one in used) // _BATCH_TOKENS)
    step = 0
    for epoch in range(epochs):
        loss = count = 0.0
        for rows, labels in batches(used, _BATCH_TOKENS, shuffle):
            scores, backward = model.begin_update(rows)
            slope, lost, seen = _loss(scores, labels)
            backward(slope)
            optimizer.learn_rate = (
                rate * min(1.0, (step + 1) / _WARM_UP) * 0.5 * (1 + math.cos(math.pi * min(1, step / steps)))
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
