"""The network of the small model in plain numpy: residual blocks over three tokens, at growing distances.

A token's result must not depend on the texts computed with it. A floating-point sum depends on its order, and
on some processors the matrix library uses another order for other rows of a product. Products are therefore
computed in blocks of one shape: the largest one of which every row is summed in the same order. Loading the
weights tests which one that is.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

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
#: Rows of a block, the fastest first. OpenBLAS sums 32 rows alike with AVX-512, and eight with AVX2.
_BLOCKS = (32, 8)
_EPSILON = 1e-8
_Array = npt.NDArray[np.float32]
_Numbers = npt.NDArray[np.integer]


class ResidualBlock(NamedTuple):
    """A dense layer over three tokens, and the scale and shift of its norm."""

    weight: _Array
    bias: _Array
    scale: _Array
    shift: _Array


class Weights(NamedTuple):
    """All weights: the table by row, the blocks by dilation, and the dense layer over the labels."""

    table: _Array
    blocks: list[ResidualBlock]
    weight: _Array
    bias: _Array


class Cone(NamedTuple):
    """Vectors of tokens, and for each block the rows of the block below that are before, at and after each
    token.

    The last block has a row for each requested token. A row number after the last row means no token.
    """

    vectors: _Array
    rows: Sequence[_Numbers]


class Network:
    """Computes probabilities. `sums_alike`: whether a row's result is independent of the other rows."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        dense = (*(block.weight for block in weights.blocks), weights.weight)
        alike = (size for size in _BLOCKS if all(_sums_alike(weight, size) for weight in dense))
        size = next(alike, None)
        self.sums_alike = size is not None
        self._size = size or _BLOCKS[0]

    def probabilities(self, cone: Cone) -> _Array:
        """Softmax over labels by requested token."""
        hidden = np.concatenate([cone.vectors, np.zeros((1, cone.vectors.shape[1]), dtype=np.float32)])
        for block, rows in zip(self._weights.blocks, cone.rows, strict=True):
            count, width = len(rows), hidden.shape[1]
            seen = _seen(hidden, rows, self._size)
            made = product(seen, block.weight, self._size)
            inner = made[:count]
            inner += block.bias
            np.maximum(inner, 0, out=inner)
            inner -= (inner.sum(axis=1) / width)[:, None]
            inner *= (1 / np.sqrt((inner * inner).sum(axis=1) / width + _EPSILON))[:, None]
            inner *= block.scale
            inner += block.shift
            inner += seen[:count, width : 2 * width]
            made[count] = 0
            hidden = made[: count + 1]
        scores = product(hidden[:-1], self._weights.weight, self._size) + self._weights.bias
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        return scores


def product(rows: _Array, weight: _Array, size: int) -> _Array:
    """Rows times a matrix, in blocks of `size` rows whatever the number of rows."""
    count = len(rows)
    blocks = -(-count // size)
    if blocks * size > count:
        padded = np.zeros((blocks * size, rows.shape[1]), dtype=np.float32)
        padded[:count] = rows
        rows = padded
    made: _Array = (rows.reshape(blocks, size, -1) @ weight).reshape(blocks * size, -1)
    return made[:count]


def _sums_alike(weight: _Array, size: int) -> bool:
    """True if the product of a row is the same to the last bit at each place of a block of `size` rows."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(size, len(weight))).astype(np.float32)
    first = product(rows, weight, size)
    return all(
        np.array_equal(np.roll(product(np.roll(rows, step, axis=0), weight, size), -step, axis=0), first)
        for step in range(1, size)
    )


def _seen(hidden: _Array, rows: _Numbers, size: int) -> _Array:
    """For each token three rows of `hidden` side by side; then at least one empty row, up to full blocks."""
    count, width = len(rows), hidden.shape[1]
    seen = np.empty(((count // size + 1) * size, 3 * width), dtype=np.float32)
    np.take(hidden, rows, axis=0, out=seen[:count].reshape(count, 3, width), mode="clip")
    seen[count:] = 0
    return seen


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
    """Weights from the bytes of a file; raises ValueError for other bytes."""
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    table = arrays["table"].astype(np.float32) * arrays["table_scale"].astype(np.float32)
    blocks = [
        ResidualBlock(*(arrays[f"block{number}_{name}"].astype(np.float32) for name in ResidualBlock._fields))
        for number in range(len(DILATIONS))
    ]
    return Weights(table, blocks, arrays["weight"].astype(np.float32), arrays["bias"].astype(np.float32))
