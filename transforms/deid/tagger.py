"""The small model: people and addresses by a convolution over word features, in plain numpy.

A token's vector is the sum of table rows of its features (hash embeddings, Svenstrup et al. 2017); residual
blocks look at three tokens each, ever further apart (dilated convolutions, Strubell et al. 2017); a softmax
gives each token's labels. The weights are trained by `make train-model`; see model/README.md.
"""

from __future__ import annotations

import hashlib
import importlib.resources
import io
from collections.abc import Sequence
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from schemas.deid import TaggerConfig
from schemas.errors import DeidError
from transforms.deid.tokens import GAPS_AT, Tokens, feature_rows, tokens_of

LABELS = (
    "O",
    "B-PERSON",
    "I-PERSON",
    "B-ADDRESS",
    "I-ADDRESS",
    "B-ORGANIZATION",
    "I-ORGANIZATION",
    "B-LOCATION",
    "I-LOCATION",
    "B-WORK",
    "I-WORK",
)
DILATIONS = (1, 1, 2, 4, 8)
#: Zero tokens between texts, as far as the widest block looks.
PADDING = max(DILATIONS)
_KNOWN_WORDS = 60_000
_TOKENS_AT_ONCE = 1_024
_EPSILON = 1e-8
_Array = npt.NDArray[np.float32]


class Entity(NamedTuple):
    """A stretch [start, end) of a text that the model takes for `type`, as sure as its surest token."""

    start: int
    end: int
    type: str
    score: float


class Block(NamedTuple):
    """One residual block: a dense layer over three tokens, and the scale and shift of its norm."""

    weight: _Array
    bias: _Array
    scale: _Array
    shift: _Array


class Weights(NamedTuple):
    """All weights: the table by row, the blocks by dilation, and the dense layer over the labels."""

    table: _Array
    blocks: list[Block]
    weight: _Array
    bias: _Array


class Tagger:
    """Finds people and addresses. One instance a thread: it remembers vectors of words."""

    def __init__(self, weights: Weights, thresholds: dict[str, float]) -> None:
        self._weights = weights
        self._thresholds = thresholds
        self._gaps = weights.table[GAPS_AT:]
        width = weights.table.shape[1]
        self._vectors = np.zeros((_KNOWN_WORDS, width), dtype=np.float32)
        self._known: dict[str, int] = {}

    def entities(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Per text its entities in order, disjoint within a type."""
        tokens = [tokens_of(text) for text in texts]
        found = []
        for one, shares in zip(tokens, self.probabilities(tokens), strict=True):
            found.append(spans_of(one, shares, self._thresholds) if one.words else [])
        return found

    def probabilities(self, texts: Sequence[Tokens]) -> list[_Array]:
        """Per text the probabilities by token and label. Texts are joined, with padding between them.

        What is joined is computed in pieces that overlap as far as the blocks look.
        """
        width = self._weights.table.shape[1]
        pad = np.zeros((PADDING, width), dtype=np.float32)
        vectors = np.concatenate([part for text in texts for part in (self._embed(text), pad)] or [pad])
        real = np.concatenate(
            [part for text in texts for part in (np.ones(len(text.words)), np.zeros(PADDING))]
            or [np.zeros(PADDING)]
        ).astype(np.float32)[:, None]
        reach, count = sum(DILATIONS), len(vectors)
        shares = np.empty((count, len(LABELS)), dtype=np.float32)
        for begin in range(0, count, _TOKENS_AT_ONCE):
            end = min(count, begin + _TOKENS_AT_ONCE)
            low, high = max(0, begin - reach), min(count, end + reach)
            part = probabilities_of(self._weights, vectors[low:high], real[low:high])
            shares[begin:end] = part[begin - low : end - low]
        found, at = [], 0
        for text in texts:
            found.append(shares[at : at + len(text.words)])
            at += len(text.words) + PADDING
        return found

    def _embed(self, tokens: Tokens) -> _Array:
        if not tokens.words:
            return np.zeros((0, self._vectors.shape[1]), dtype=np.float32)
        rows = [self._known.get(word, -1) for word in tokens.words]
        if -1 in rows:
            if len(self._known) + len(set(tokens.words)) > _KNOWN_WORDS:
                self._known.clear()
            rows = [self._row(word) for word in tokens.words]
        return self._vectors[rows] + self._gaps[tokens.gaps]

    def _row(self, word: str) -> int:
        row = self._known.get(word)
        if row is None:
            row = len(self._known)
            if row == len(self._vectors):
                self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
            self._vectors[row] = self._weights.table[list(feature_rows(word))].sum(axis=0)
            self._known[word] = row
        return row


def shipped_tagger(config: TaggerConfig) -> Tagger:
    """The model that comes with the project; gives people from the lowest threshold on that a rule needs."""
    lowest = min(config.person, config.person_agreed, config.person_alone, config.person_in_code)
    return Tagger(load_weights(_weights_file()), {"PERSON": lowest, "ADDRESS": config.address})


def tagger_digest() -> str:
    """SHA-256 of the weights' file, as the file beside it says; loading checks that it is so."""
    return (_model_folder() / "weights.sha256").read_text("ascii").split()[0]


def _weights_file() -> bytes:
    data = (_model_folder() / "weights.npz").read_bytes()
    if hashlib.sha256(data).hexdigest() != tagger_digest():
        raise DeidError("model/weights.npz: is not the file that model/weights.sha256 names; install again")
    return data


def _model_folder() -> Traversable:
    return importlib.resources.files("transforms.deid") / "model"


def probabilities_of(weights: Weights, vectors: _Array, real: _Array | None = None) -> _Array:
    """Softmax over labels by token. Where `real` is 0 and not 1 nothing stands: texts are parted so."""
    count, width = vectors.shape
    mean = np.full(width, 1 / width, dtype=np.float32)
    real = np.ones((count, 1), dtype=np.float32) if real is None else real
    hidden = vectors
    for block, dilation in zip(weights.blocks, DILATIONS, strict=True):
        inner = hidden @ block.weight[width : 2 * width]
        if dilation < count:
            inner[dilation:] += hidden[:-dilation] @ block.weight[:width]
            inner[:-dilation] += hidden[dilation:] @ block.weight[2 * width :]
        inner += block.bias
        np.maximum(inner, 0, out=inner)
        inner -= (inner @ mean)[:, None]
        inner *= (1 / np.sqrt(np.einsum("ij,ij->i", inner, inner) / width + _EPSILON))[:, None]
        inner *= block.scale
        inner += block.shift
        inner *= real
        hidden = hidden + inner
    scores = hidden @ weights.weight + weights.bias
    scores -= scores.max(axis=1, keepdims=True)
    np.exp(scores, out=scores)
    scores /= scores.sum(axis=1, keepdims=True)
    return scores


def spans_of(tokens: Tokens, probabilities: _Array, thresholds: dict[str, float]) -> list[Entity]:
    """Runs of tokens whose probability of a type reaches its threshold, parted where another one begins."""
    found = []
    for kind, threshold in thresholds.items():
        begin_label = LABELS.index(f"B-{kind}")
        begins = probabilities[:, begin_label]
        sure = begins + probabilities[:, begin_label + 1]
        places = np.flatnonzero(sure >= threshold)
        run: list[int] = []
        for place in [*places.tolist(), -1]:
            if run and (place != run[-1] + 1 or begins[place] > 0.5):
                score = float(sure[run[0] : run[-1] + 1].max())
                found.append(
                    Entity(int(tokens.starts[run[0]]), int(tokens.ends[run[-1]]), kind, round(score, 4))
                )
                run = []
            if place >= 0:
                run.append(place)
    return sorted(found)


def save_weights(weights: Weights, path: Path) -> None:
    """The weights as a file: the table in 8-bit integers with a scale a row, the rest in 16-bit floats."""
    scale = np.abs(weights.table).max(axis=1, keepdims=True) / 127 + 1e-12
    arrays = {
        "table": np.round(weights.table / scale).astype(np.int8),
        "table_scale": scale.astype(np.float16),
    }
    for number, block in enumerate(weights.blocks):
        arrays |= {
            f"block{number}_{name}": value.astype(np.float16) for name, value in block._asdict().items()
        }
    arrays |= {"weight": weights.weight.astype(np.float16), "bias": weights.bias.astype(np.float16)}
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def load_weights(data: bytes) -> Weights:
    """Weights from the bytes of a file; ValueError for what is none."""
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    table = arrays["table"].astype(np.float32) * arrays["table_scale"].astype(np.float32)
    blocks = [
        Block(*(arrays[f"block{number}_{name}"].astype(np.float32) for name in Block._fields))
        for number in range(len(DILATIONS))
    ]
    return Weights(table, blocks, arrays["weight"].astype(np.float32), arrays["bias"].astype(np.float32))
