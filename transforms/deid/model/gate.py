"""The gate: a far smaller network that selects the words around which the small model runs.

One hidden layer over the vectors of a word and its neighbours. The contribution of a word from each place is
computed once per word, so a token costs a few sums. It is trained to predict the small model's answers.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

#: The number of tokens on each side that the gate reads.
GATE_REACH = 3
PLACES = 2 * GATE_REACH + 1
#: The outputs of the gate: people, addresses.
ANSWERS = 2
_Array = npt.NDArray[np.float32]
_Numbers = npt.NDArray[np.integer]


class Gate(NamedTuple):
    """`words` maps a token's vector to its contributions, place after place; `out` gives the answers.

    An answer is positive from its threshold on.
    """

    words: _Array
    bias: _Array
    out: _Array
    out_bias: _Array
    thresholds: _Array

    @property
    def hidden(self) -> int:
        """The width of the hidden layer."""
        return len(self.bias)


def gate_shares(gate: Gate | None, vectors: _Array) -> _Array:
    """Contributions of tokens with the vectors to the hidden layer, by place; empty without a gate."""
    return vectors @ gate.words if gate is not None else np.zeros((len(vectors), 0), dtype=np.float32)


def answers(
    gate: Gate, shares: _Array, gaps: _Array, at: Sequence[tuple[_Numbers, _Numbers, _Numbers]]
) -> npt.NDArray[np.bool_]:
    """By token and answer, whether the small model has to run.

    `shares` and `gaps` are the contributions of words and gaps; `at` has for each place which of the tokens
    have a token there, and the rows of its word and its gap. Single rows are added in a fixed order, so a
    token's answer never depends on other tokens.
    """
    count = len(at[GATE_REACH][0])
    hidden = np.tile(gate.bias, (count, 1))
    for place, (tokens, words, gap) in enumerate(at):
        part = slice(place * gate.hidden, (place + 1) * gate.hidden)
        hidden[tokens] += shares[words, part] + gaps[gap, part]
    np.maximum(hidden, 0, out=hidden)
    scores = np.stack([(hidden * gate.out[:, answer]).sum(axis=1) for answer in range(ANSWERS)], axis=1)
    return scores + gate.out_bias >= gate.thresholds


def save_gate(gate: Gate, path: Path) -> None:
    """The gate as a file."""
    with path.open("wb") as file:
        np.savez_compressed(
            file, **{name: value.astype(np.float16) for name, value in gate._asdict().items()}
        )


def load_gate(data: bytes) -> Gate:
    """A gate from the bytes of a file; raises ValueError for other bytes."""
    arrays = np.load(io.BytesIO(data), allow_pickle=False)
    return Gate(*(arrays[name].astype(np.float32) for name in Gate._fields))
