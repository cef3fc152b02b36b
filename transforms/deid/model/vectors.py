"""Vectors of words by number: the rows of the small model's table for a word, summed once and cached."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.deid.model.features import feature_rows
from transforms.deid.model.gate import Gate
from transforms.deid.text.word_table import Numbers, WordTable

_KNOWN_WORDS = 60_000
_FIRST_ROWS = 4_096
#: For tokens without a number: pieces of encoded bytes.
_NO_WORD = "x"
_Array = npt.NDArray[np.float32]


class WordVectors:
    """Rows of `vectors`, and of `shares` (a word's contributions in the gate), by word. Not thread-safe."""

    def __init__(self, table: _Array, gate: Gate | None) -> None:
        self._table = table
        self._gate = gate
        self._words: WordTable | None = None
        self._forgotten = 0
        self._at: npt.NDArray[np.int32]
        self.vectors: _Array
        self.shares: _Array
        self.count: int
        self._forget()

    def rows(self, words: WordTable, numbers: Numbers) -> Numbers:
        """The row of each word in `vectors` and `shares`, valid until the next call."""
        if words is not self._words or words.times_forgotten != self._forgotten or self.count > _KNOWN_WORDS:
            self._forget()
            self._words, self._forgotten = words, words.times_forgotten
        if len(self._at) < len(words.texts):
            self._at = np.concatenate([self._at, np.full(len(words.texts), -1, dtype=np.int32)])
        rows: Numbers = self._at[numbers]
        if (rows < 0).any():
            for number in np.unique(numbers[rows < 0]).tolist():
                self._at[number] = self._add(words.texts[number])
            rows = self._at[numbers]
        return rows

    def _add(self, word: str) -> int:
        row = self.count
        if row == len(self.vectors):
            self.vectors = np.concatenate([self.vectors, np.zeros_like(self.vectors)])
            self.shares = np.concatenate([self.shares, np.zeros_like(self.shares)])
        self.vectors[row] = self._table[list(feature_rows(word or _NO_WORD))].sum(axis=0)
        if self._gate is not None:
            self.shares[row] = self.vectors[row] @ self._gate.words
        self.count += 1
        return row

    def _forget(self) -> None:
        self._at = np.zeros(0, dtype=np.int32)
        self.vectors = np.zeros((_FIRST_ROWS, self._table.shape[1]), dtype=np.float32)
        shared = 0 if self._gate is None else self._gate.words.shape[1]
        self.shares = np.zeros((_FIRST_ROWS, shared), dtype=np.float32)
        self.count = 0
