"""The small model as a trainable thinc network. `transforms.deid.model.tagger` uses its weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from thinc.api import Linear, Model, Relu, chain, residual
from thinc.layers import Dropout, LayerNorm

from transforms.deid.model.features import PAD, ROWS
from transforms.deid.model.network import DILATIONS, LABELS, ResidualBlock, Weights

_EPSILON = 1e-8
_Array = npt.NDArray[np.float32]


def network(width: int, dropout: float) -> Model[Any, Any]:
    """A network from rows of the table (an integer array of shape (tokens, rows)) to one score per label.

    Tokens with PAD as first row separate texts: their vectors are zero before each block.
    """
    real: list[Any] = []
    blocks = [
        residual(
            chain(
                _window(dilation, real),
                Relu(width, width * 3, normalize=False),
                LayerNorm(width),
                Dropout(dropout),
            )
        )
        for dilation in DILATIONS
    ]
    return chain(_table(width, real), *blocks, Linear(len(LABELS), width))


def weights_of(model: Model[Any, Any]) -> Weights:
    """The weights in the form that the tagger uses."""
    table, *blocks, last = cast("list[Any]", model.layers)
    found = []
    for block in blocks:
        _, dense, norm, _ = cast("list[Any]", block.layers[0].layers)
        found.append(
            ResidualBlock(
                dense.get_param("W").T.copy(), dense.get_param("b"), norm.get_param("G"), norm.get_param("b")
            )
        )
    return Weights(table.get_param("E"), found, last.get_param("W").T.copy(), last.get_param("b"))


def continue_from(model: Model[Any, Any], weights: Weights) -> None:
    """Gives an initialized model the weights of an earlier training."""
    table, *blocks, last = cast("list[Any]", model.layers)
    table.set_param("E", weights.table.copy())
    for block, earlier in zip(blocks, weights.blocks, strict=True):
        _, dense, norm, _ = cast("list[Any]", block.layers[0].layers)
        dense.set_param("W", np.ascontiguousarray(earlier.weight.T))
        dense.set_param("b", earlier.bias.copy())
        norm.set_param("G", earlier.scale.copy())
        norm.set_param("b", earlier.shift.copy())
    last.set_param("W", np.ascontiguousarray(weights.weight.T))
    last.set_param("b", weights.bias.copy())


def _table(width: int, shared: list[Any]) -> Model[Any, Any]:
    """The sum of a token's rows; stores in `shared` which tokens are not padding."""

    def init(model: Any, *_: Any, **__: Any) -> None:
        random = np.random.default_rng(1)
        table = random.normal(0, 0.3 / np.sqrt(7), (ROWS, width)).astype(np.float32)
        table[PAD] = 0
        model.set_param("E", table)

    def forward(model: Any, rows: Any, is_train: bool) -> tuple[Any, Callable[[Any], Any]]:  # noqa: ARG001
        table = model.get_param("E")
        summed = table[rows].sum(axis=1)
        real = (rows[:, 0] != PAD)[:, None]
        shared[:] = [real]
        summed *= real

        def backward(slope: Any) -> Any:
            slope = slope * real
            flat = rows.ravel()
            order = np.argsort(flat, kind="stable")
            edges = np.flatnonzero(np.diff(flat[order], prepend=-1))
            sums = np.add.reduceat(slope[order // rows.shape[1]], edges, axis=0)
            change = np.zeros_like(table)
            change[flat[order][edges]] = sums
            change[PAD] = 0
            model.inc_grad("E", change)
            return rows

        return summed, backward

    return Model("table", forward, init=init, params={"E": None})


def _window(dilation: int, shared: list[Any]) -> Model[Any, Any]:
    """Each token's vector, concatenated with the vectors `dilation` tokens before and after it."""

    def forward(model: Any, hidden: Any, is_train: bool) -> tuple[Any, Callable[[Any], Any]]:  # noqa: ARG001
        width, real = hidden.shape[1], shared[0]
        hidden = hidden * real
        joined = np.zeros((len(hidden), 3 * width), dtype=np.float32)
        joined[dilation:, :width] = hidden[:-dilation]
        joined[:, width : 2 * width] = hidden
        joined[:-dilation, 2 * width :] = hidden[dilation:]

        def backward(slope: Any) -> Any:
            back = slope[:, width : 2 * width].copy()
            back[:-dilation] += slope[dilation:, :width]
            back[dilation:] += slope[:-dilation, 2 * width :]
            back *= real
            return back

        return joined, backward

    return Model(f"window>{dilation}", forward)


def probabilities_of(weights: Weights, vectors: _Array, real: _Array | None = None) -> _Array:
    """Softmax over labels, per token. `real` is 0 for the padding between texts, else 1."""
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
