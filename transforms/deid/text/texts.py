"""Several texts joined by line ends, so that bytes, code points, words and lines are computed only once.

All places are in code points of the whole; `begins[n]` is where text n begins in it.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.deid.text.codepoints import BLANK, DIGIT, LETTER, SIGN, Classes, classes_of, codes_of
from transforms.deid.text.word_table import Numbers, WordTable

_LINE_END = 10
#: Longer runs of letters are encoded bytes, not words.
_MAX_LETTERS = 40
#: The gap before a token: none, blanks, one line end, several line ends, or the beginning of a text.
GAPS = 4
TEXT_BEGINS = GAPS
#: Gaps from this one on separate paragraphs.
PARTED = GAPS - 1


class Tokens(NamedTuple):
    """Words, runs of digits and single signs in order: [start, end), class, and the gap before each.

    `numbers` are those of `WordTable`, 0 for tokens without a look-up (pieces of encoded bytes). `lines` are
    line numbers.
    """

    starts: Numbers
    ends: Numbers
    classes: Classes
    gaps: npt.NDArray[np.int8]
    numbers: Numbers
    lines: Numbers


class Texts:
    """Several texts as one."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.each = texts
        self.whole = "\n".join([*texts, ""])
        self.data = self.whole.encode("utf-8", "surrogatepass")
        lengths = (len(text) + 1 for text in texts)
        self.begins = np.array(list(itertools.accumulate(lengths, initial=0)), dtype=np.int64)

    @functools.cached_property
    def codes(self) -> npt.NDArray[np.uint32]:
        """The code points."""
        return codes_of(self.whole)

    @functools.cached_property
    def lines(self) -> npt.NDArray[np.int64]:
        """The place where each line begins; the last entry is the length of the whole."""
        ends = np.flatnonzero(self.codes == _LINE_END) + 1
        return np.concatenate([np.zeros(1, dtype=np.int64), ends])

    @functools.cached_property
    def first_lines(self) -> npt.NDArray[np.int64]:
        """The number of each text's first line; the last entry is the number of lines."""
        return np.searchsorted(self.lines, self.begins)

    @functools.cached_property
    def _characters(self) -> npt.NDArray[np.int64] | None:
        if len(self.data) == len(self.whole):
            return None
        return np.cumsum((np.frombuffer(self.data, dtype=np.uint8) & 0xC0) != 0x80)

    def characters(self, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Ends in bytes as ends in code points."""
        return ends if self._characters is None else self._characters[ends - 1]

    def text_of(self, ends: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The number of the text that contains each end."""
        return np.searchsorted(self.begins, ends, side="left") - 1

    def tokens(self, words: WordTable) -> Tokens:
        """All tokens."""
        classes = classes_of(self.codes)
        change = np.ones(len(classes) + 1, dtype=np.bool_)
        np.not_equal(classes[1:], classes[:-1], out=change[1:-1])
        sign, real = classes == SIGN, classes != BLANK
        starts = np.flatnonzero(real & (change[:-1] | sign)).astype(np.int32)
        ends = (np.flatnonzero(real & (change[1:] | sign)) + 1).astype(np.int32)
        kinds = classes[starts]
        lines = (np.searchsorted(self.lines, starts, side="right") - 1).astype(np.int32)
        gaps = self._gaps(starts, ends, lines)
        numbers = np.zeros(len(starts), dtype=np.int32)
        sought = np.flatnonzero(_worth_a_look(starts, ends, kinds, gaps))
        numbers[sought] = words.numbers_of(self.whole, self.codes, starts[sought], ends[sought])
        return Tokens(starts, ends, kinds, gaps, numbers, lines)

    def _gaps(self, starts: Numbers, ends: Numbers, lines: Numbers) -> npt.NDArray[np.int8]:
        gaps = np.zeros(len(starts), dtype=np.int8)
        if len(starts):
            broken = lines[1:] - lines[:-1]
            gaps[1:] = np.where(starts[1:] > ends[:-1], np.minimum(broken, 2) + 1, 0)
            gaps[np.searchsorted(starts, self.begins[:-1][self.begins[:-1] <= starts[-1]])] = TEXT_BEGINS
        return gaps


def _worth_a_look(
    starts: Numbers, ends: Numbers, kinds: Classes, gaps: npt.NDArray[np.int8]
) -> npt.NDArray[np.bool_]:
    """All tokens except long runs of letters, and letters directly between digits."""
    worth = ends - starts <= _MAX_LETTERS
    if len(starts) > 2:
        digit = kinds == DIGIT
        between = digit[:-2] & digit[2:] & (gaps[1:-1] == 0) & (gaps[2:] == 0) & (kinds[1:-1] == LETTER)
        worth[1:-1] &= ~between
    return worth
