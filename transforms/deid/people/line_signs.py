"""Flags of lines: whether a line is code, and which phrases around names it may contain.

One Hyperscan pass over all lines sets the flags; the expressions of `name_phrases` then run only on flagged
lines.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from transforms.deid.people.name_phrases import SIGNS
from transforms.deid.rules.rule import LINE_BLANK
from transforms.deid.text.hyperscan_hits import Expressions
from transforms.deid.text.texts import Texts

#: A line is source code, a log or a table; is a fence; or may contain a phrase of a kind of `name_phrases.SIGNS`.
CODE, FENCE, *MENTIONS = (1 << bit for bit in range(2 + len(SIGNS)))
MENTIONED = sum(MENTIONS)
Flags = npt.NDArray[np.uint8]

_S = LINE_BLANK
_W = r"[\w\x80-\xff]"
_FENCE = rf"^{_S}*```"
#: Each alternative for bytes and, after it, for characters, as `is_code_line` uses it.
_CODE = (
    (rf"[{{}};]{_S}*$", r"[{};]\s*$"),
    (
        rf"^{_S}*(?:[$>#]{_S}|//|/\*|\*{_S}|@[\w.\x80-\xff]+{_S}*(?:\(|$)|import |from {_W}+ import|def |class |function |"
        rf"const |let |var |return |if \(|for \(|while \(|public |private |protected |#include|<{_W}|\||\+{_S}|-{_S}{_W}+\(|"
        r"\[?\d{4}-\d\d-\d\d)",
        r"^\s*(?:[$>#]\s|//|/\*|\*\s|@[\w.]+\s*(?:\(|$)|import |from \w+ import|def |class |function |const |let |var |return |"
        r"if \(|for \(|while \(|public |private |protected |#include|<\w+|\||\+\s|-\s\w+\(|\[?\d{4}-\d\d-\d\d)",
    ),
    (r"=>|==|!=|&&|\|\||::|</|/>", r"=>|==|!=|&&|\|\||::|</|/>"),
    (rf"{_W}\(\)|{_W}\.{_W}{{1,60}}\(", r"\w\(\)|\w\.\w{1,60}\("),
    # Numbered listings, output of grep, hunks of a diff.
    (rf"^{_S}*\d{{1,6}}(?:\t|\xe2\x86\x92)", r"^\s*\d{1,6}(?:\t|→)"),
    (r"^[\w./@-]+\.\w{1,5}:\d+[:-]|^@@ -\d", r"^[\w./@-]+\.\w{1,5}:\d+[:-]|^@@ -\d"),
    (rf"^{_S}*(?:{_W}|[.-])+{_S}*[:=]{_S}*[\[{{\"']", r"^\s*[\w.-]+\s*[:=]\s*[\[{\"']"),
)
_CODE_LINE = re.compile("|".join(characters for _, characters in _CODE))


class LineSigns:
    """Finds the flags of lines. Not thread-safe."""

    def __init__(self) -> None:
        expressions = [
            (_FENCE, FENCE),
            *((in_bytes, CODE) for in_bytes, _ in _CODE),
            *zip(SIGNS, MENTIONS, strict=True),
        ]
        self._expressions = Expressions([one for one, _ in expressions], multiline=True, name="lines")
        self._flags = np.array([flag for _, flag in expressions], dtype=np.uint8)

    def of(self, texts: Texts) -> Flags:
        """One entry per line; code fences and the lines inside them are CODE."""
        flags = np.zeros(len(texts.lines), dtype=np.uint8)
        numbers, ends = self._expressions.hits(texts)
        if len(numbers):
            lines = np.searchsorted(texts.lines, np.maximum(ends, 1) - 1, side="right") - 1
            np.bitwise_or.at(flags, lines, self._flags[numbers])
            fences = np.cumsum((flags & FENCE) != 0)
            if len(fences) and fences[-1]:
                _fence(flags, fences, texts.first_lines)
        return flags


def _fence(flags: Flags, fences: npt.NDArray[np.int64], first_lines: npt.NDArray[np.int64]) -> None:
    before = np.concatenate([np.zeros(1, dtype=np.int64), fences])
    first = np.repeat(first_lines[:-1], np.diff(first_lines))
    inside = np.zeros(len(flags), dtype=np.bool_)
    count = len(first)
    inside[:count] = (before[1 : count + 1] - before[first]) % 2 == 1
    flags[inside | ((flags & FENCE) != 0)] |= CODE


def is_code_line(line: str) -> bool:
    """True for a line that looks like source code, a log or a table."""
    return _CODE_LINE.search(line) is not None
