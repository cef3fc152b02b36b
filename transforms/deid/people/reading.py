"""The texts of several sessions with words, lines and candidates for names, shared by all finders.

Everything is computed by array operations over all sessions, and is a function of each text alone.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from transforms.deid.people.line_signs import CODE, Flags, LineSigns
from transforms.deid.spans import Kind, Segment
from transforms.deid.text.codepoints import DIGIT, LETTER, is_in
from transforms.deid.text.texts import PARTED, Texts, Tokens
from transforms.deid.text.word_table import CAPITAL, COMMON, ENGLISH, FIRST, LISTED, LOWER, Numbers, WordTable

PROSE = frozenset({"system", "user", "assistant", "thinking"})
SPOKEN = frozenset({"user", "assistant"})
#: So many characters of a text are enough to detect its language.
MAX_TOLD = 4_000
_TABLE = 0x10000
#: Characters after which no name begins, and before which none ends.
_NEVER_BEFORE = is_in("@#$/\\`_")
_NEVER_BEHIND = is_in("(=[\\/_")
_JOINS = is_in("'’-0123456789_")
_LONGEST_HOUSE_NUMBER = 6

Mask = npt.NDArray[np.bool_]


class Reading:
    """Several sessions' texts as one; equal texts, such as repeated names of tools, occur once.

    Session n has the segments `bounds[n]` to `bounds[n + 1]`; segment n has the text `numbers[n]`, of the
    kind `kinds[numbers[n]]`.
    """

    def __init__(self, sessions: Sequence[Sequence[Segment]], words: WordTable, signs: LineSigns) -> None:
        if words.full:
            words.forget()
        self.words, self._signs = words, signs
        self.sessions = sessions
        self.segments = [segment for segments in sessions for segment in segments]
        self.bounds = list(itertools.accumulate((len(segments) for segments in sessions), initial=0))
        known: dict[tuple[str, Kind], int] = {}
        self.numbers = [known.setdefault((one.text, one.kind), len(known)) for one in self.segments]
        self.texts = Texts([text for text, _ in known])
        self.kinds = [kind for _, kind in known]

    @functools.cached_property
    def tokens(self) -> Tokens:
        """The tokens of all texts."""
        return self.texts.tokens(self.words)

    @functools.cached_property
    def first_tokens(self) -> list[int]:
        """The number of each text's first token; the last entry is the number of tokens."""
        return [int(n) for n in np.searchsorted(self.tokens.starts, self.texts.begins)]

    @functools.cached_property
    def paragraphs(self) -> Numbers:
        """By token the number of its paragraph, which never spans texts."""
        return np.cumsum(self.tokens.gaps >= PARTED, dtype=np.int32)

    @functools.cached_property
    def flags(self) -> npt.NDArray[np.uint8]:
        """By token the flags of its word."""
        return self.words.flags[self.tokens.numbers]

    @functools.cached_property
    def line_flags(self) -> Flags:
        """By line its flags; every line of a text that is not prose is CODE."""
        flags = self._signs.of(self.texts)
        code = np.array([kind not in PROSE for kind in self.kinds], dtype=np.bool_)
        in_code = np.repeat(code, np.diff(self.texts.first_lines))
        flags[: len(in_code)][in_code] |= CODE
        return flags

    @functools.cached_property
    def in_code(self) -> Mask:
        """By token whether its line is code."""
        result: Mask = (self.line_flags & CODE)[self.tokens.lines] != 0
        return result

    def is_code(self, number: int, place: int) -> bool:
        """True if a place of a text is in a line of code."""
        line = np.searchsorted(self.texts.lines, self.texts.begins[number] + place, side="right") - 1
        return bool(self.line_flags[line] & CODE)

    def has_code(self, numbers: Sequence[int]) -> bool:
        """True if one of these texts has a line of code."""
        lines = self.texts.first_lines
        return any((self.line_flags[lines[n] : lines[n + 1]] & CODE).any() for n in numbers)

    @functools.cached_property
    def capitals(self) -> Mask:
        """By token whether a capitalised name may begin there."""
        tokens, codes = self.tokens, self.texts.codes
        follows = _behind(codes, tokens.ends)
        some = (self.flags & CAPITAL) != 0
        some &= (tokens.ends - tokens.starts > 1) | _JOINS[follows]
        result: Mask = some & ~self._unfit
        return result

    @functools.cached_property
    def maybe_people(self) -> Mask:
        """A mask: True for each token that may be part of a person's name."""
        flags = self.flags
        listed, common = (flags & LISTED) != 0, (flags & COMMON) != 0
        capital, lower = (flags & CAPITAL) != 0, (flags & LOWER) != 0
        rare = listed & ~common
        named = lower & (rare | (((flags & FIRST) != 0) & self._casual))
        some = np.where(self.in_code, capital & rare, (capital & (listed | ~common)) | named)
        result: Mask = some & ~self._unfit
        return result

    @functools.cached_property
    def _casual(self) -> Mask:
        """By token whether a user typed its paragraph without capitals."""
        paragraphs = self.paragraphs
        capital = ((self.flags & CAPITAL) != 0) & (self.tokens.ends - self.tokens.starts > 1)
        user = np.array([kind == "user" for kind in self.kinds], dtype=np.bool_)
        typed = np.repeat(user, np.diff(self.first_tokens))
        with_capital = np.zeros(int(paragraphs[-1]) + 1 if len(paragraphs) else 0, dtype=np.bool_)
        with_capital[paragraphs[capital]] = True
        return typed & ~with_capital[paragraphs]

    @functools.cached_property
    def maybe_addresses(self) -> Mask:
        """By token whether it may be a house number or a postcode: a few digits near a word."""
        tokens = self.tokens
        digits = (tokens.classes == DIGIT) & (tokens.ends - tokens.starts <= _LONGEST_HOUSE_NUMBER)
        word = np.zeros(len(digits) + 8, dtype=np.bool_)
        word[4:-4] = (tokens.classes == LETTER) & (tokens.ends - tokens.starts >= 3) & (tokens.numbers != 0)
        near = np.zeros(len(digits), dtype=np.bool_)
        # Signs, a house letter or a part of a postcode may be between the two.
        for step in (1, 2, 3, 5, 6, 7) if len(digits) else ():
            near |= word[step : step + len(digits)]
        result: Mask = digits & near
        return result

    def beside(self, some: Numbers, reach: int) -> Iterator[tuple[Numbers, Numbers]]:
        """For each offset from -`reach` to `reach`: which of the tokens have a token there, and that token.

        Only tokens of the same paragraph count.
        """
        paragraph = self.paragraphs
        for step in range(-reach, reach + 1):
            beside = some + step
            kept = np.flatnonzero((beside >= 0) & (beside < len(paragraph)))
            kept = kept[paragraph[beside[kept]] == paragraph[some[kept]]]
            yield kept, beside[kept]

    def around(self, some: Mask, reach: int) -> Mask:
        """Tokens at most `reach` tokens from those, in the same paragraph."""
        places = np.flatnonzero(some)
        bounds = np.append(np.flatnonzero(self.tokens.gaps >= PARTED), len(some))
        paragraph = np.searchsorted(bounds, places, side="right") - 1
        steps = np.bincount(np.maximum(places - reach, bounds[paragraph]), minlength=len(some) + 1)
        steps -= np.bincount(np.minimum(places + reach + 1, bounds[paragraph + 1]), minlength=len(some) + 1)
        return np.cumsum(steps[:-1]) > 0

    def within(self, places: Sequence[tuple[int, int, int]]) -> Mask:
        """By token whether it begins in one of the stretches (text, and [start, end) in it)."""
        steps = np.zeros(len(self.tokens.starts) + 1, dtype=np.int32)
        if places:
            texts, starts, ends = np.array(places, dtype=np.int64).T
            begins = self.texts.begins[texts]
            np.add.at(steps, np.searchsorted(self.tokens.starts, begins + starts), 1)
            np.add.at(steps, np.searchsorted(self.tokens.starts, begins + ends), -1)
        result: Mask = np.cumsum(steps[:-1]) > 0
        return result

    @functools.cached_property
    def _unfit(self) -> Mask:
        codes, tokens = self.texts.codes, self.tokens
        behind = codes[np.maximum(tokens.starts, 1) - 1]
        behind = np.where(tokens.starts == 0, 0, np.minimum(behind, _TABLE - 1))
        result: Mask = _NEVER_BEFORE[behind] | _NEVER_BEHIND[_behind(codes, tokens.ends)]
        return result

    def shares_of_english(self) -> npt.NDArray[np.float64]:
        """By session the share of the most frequent English words among its spoken words, code excluded."""
        tokens, texts = self.tokens, self.texts
        spoken = np.array([kind in SPOKEN for kind in self.kinds], dtype=np.bool_)
        text = np.repeat(np.arange(len(self.kinds)), np.diff(self.first_tokens))
        counted = (tokens.classes == LETTER) & spoken[text] & ~self.in_code
        counted &= tokens.starts - texts.begins[text] < MAX_TOLD
        session = np.repeat(np.arange(len(self.sessions)), np.diff(self.bounds))
        sums = []
        for some in (counted, counted & ((self.flags & ENGLISH) != 0)):
            by_text = np.bincount(text[some], minlength=len(self.kinds))
            sums.append(np.bincount(session, weights=by_text[self.numbers], minlength=len(self.sessions)))
        return sums[1] / np.maximum(sums[0], 1)


def _behind(codes: npt.NDArray[np.uint32], ends: Numbers) -> npt.NDArray[np.uint32]:
    # The last token is followed by a line end.
    return np.minimum(codes[ends], _TABLE - 1)
