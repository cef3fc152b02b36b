"""Copies of a text with disguised and escaped characters in plain form, and the way back to its offsets.

Patterns scan the copies as well as the text; masking is done in the original. Dropped: zero-width characters,
soft hyphens, marks on letters, direction marks. Replaced by plain characters: full-width, mathematical,
circled and raised forms; digits of other scripts; letters that look Latin inside Latin words; typographic
dashes and dots; percent escapes (RFC 3986), backslash escapes of JSON and most languages, HTML character
references, quoted-printable @, terminal colours (ECMA-48), and line ends, emphasis and comments within a
number. Text behind a right-to-left override (U+202E) is reversed.
"""

from __future__ import annotations

import bisect
import html
import re
import unicodedata
from typing import NamedTuple

#: For Hyperscan, on UTF-8 bytes: a text without a match has no copy.
DISGUISE_TRIGGER = (
    r"""(?i)\\(?:[nrt"'/]|u[0-9a-f]{4}|u\{[0-9a-f]{2}|1[0-7]{2}|x[0-9a-f]{2}|033\[|e\[)|[0-9a-z]=40[0-9a-z]|%[0-9a-f]{2}|&[#a-z][0-9a-z]{1,6};|\x1b\["""
    # Emphasis and comments within a number.
    r"""|[0-9][ .-]?(?:[*~]{1,2}[0-9]|/\*|<!--)"""
    r"""|\xc2\xad|\xe2\x80[\x8b-\x91\xa4\xaa-\xae]|[0-9][- ]\r?\n"""
    r"""|[0-9]\xe2\x80[\x92-\x95][0-9]|\xe2\x81[\xa0\xa6-\xa9]|\xe2\x88\x92"""
    r"""|\xef\xb9\xab|\xe2\xa0\x80|\xef\xbb\xbf|\xef[\xbc\xbd]|\xe3\x80\x82|\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9]"""
    # Marks on letters and digits, selectors between them, keycaps in a row, fillers, tags.
    r"""|[0-9a-z](?:\xcc[\x80-\xbf]|\xcd[\x80-\xaf]|\xef\xb8[\x80-\x8f][0-9a-z])|\xe2\x83\xa3[0-9]"""
    r"""|\xe1\xa0\x8e|\xe3\x85\xa4|\xf3\xa0[\x80\x81]"""
    # Letters and digits of mathematics, in circles, raised and lowered ones in a row.
    r"""|\xf0\x9d[\x90-\x9f]|\xe2(?:\x91[\xa0-\xbf]|\x92|\x93[\x80-\xaa])"""
    r"""|(?:\xc2[\xb2\xb3\xb9]|\xe2\x81[\xb0\xb4-\xb9]|\xe2\x82[\x80-\x89]){3}"""
    # Digits of Indic and South-East Asian scripts.
    r"""|\xe0[\xa5\xa7\xa9\xab\xad\xaf\xb1\xb3\xb5][\xa6-\xaf]|\xe0[\xb9\xbb][\x90-\x99]|\xe0\xbc[\xa0-\xa9]"""
    r"""|\xe1\x81[\x80-\x89]|\xe1\x9f[\xa0-\xa9]"""
    # Cyrillic and Greek letters that touch Latin ones.
    r"""|[0-9a-z](?:[\xd0\xd1][\x80-\xbf]|\xce[\x91-\xbf])|(?:[\xd0\xd1][\x80-\xbf]|\xce[\x91-\xbf])[0-9a-z]"""
)
_COLOUR = r"(?:\x1b|\\x1[bB]|\\u001[bB]|\\033|\\e)\[[0-9;]{0,16}[A-Za-z]"
#: Letters that look like Latin ones: Unicode Technical Standard 39, confusables of capital and small letters.
_TWINS = dict(
    zip(
        "АВЕКМНОРСТХУЅІЈаеорсхуіјѕһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧο",
        "ABEKMHOPCTXYSIJaeopcxyijshdqwABEZHIKMNOPTYXo",
        strict=True,
    )
)
_ALIKE = f"[{''.join(_TWINS)}]"
_LATIN = "[0-9A-Za-z]"
_ODD = re.compile(
    # Blanks count only after a digit: most characters of a text are sorted out here.
    r"(?=[\\%&=*~/<\x1b\u00ad\u00b2\u00b3\u00b9\u0300-\u24ff\u2800"
    r"\u3002\u3164\ufe00-\ufe0f\ufe6b\ufeff\uff01-\uff5e\U0001d400-\U0001d7ff"
    r"\U000e0001-\U000e007f]|(?<=\d)[ -])(?:"
    rf"(?P<colour>{_COLOUR})"
    r"|%(?:25)*(?P<percent>[0-7][0-9A-Fa-f])|(?P<bytes>(?:%[89A-Fa-f][0-9A-Fa-f])+)"
    r"|\\+(?:u(?P<unit>[0-9A-Fa-f]{4})|u\{(?P<braced>[0-9A-Fa-f]{2,5})\}|(?P<octal>1[0-7]{2})|x(?P<hex>[0-9A-Fa-f]{2})|(?P<escape>[nrt\"'/]))"
    r"|(?P<printable>(?<=[0-9A-Za-z])=40(?=[0-9A-Za-z-]{1,63}\.))"
    r"|(?P<html>&(?:[a-z]{2,6}|#\d{1,6}|#[xX][0-9A-Fa-f]{1,5});)"
    r"|(?P<broken>(?<=\d)[- ]\r?\n[ \t>|]{0,8}(?=\d))"
    r"|(?P<framed>(?<=\d) ?(?:/\*[^/\n]{0,12}\*/|<!--[^>\n]{0,20}-->) ?(?=[.-]?\d)|"
    r"(?<=\d[ .-])[*~]{1,2}(?=\d[\d .-]{0,12}[*~]{1,2}(?![*~A-Za-z]))|(?<=\d)[*~]{1,2}(?=[ .-]?\d))"
    r"|(?P<reversed>\u202e[^\u202c\n]{4,256}\u202c?)"
    r"|(?P<dash>(?<=\d)[\u2012-\u2015](?=\d)|[\u2010\u2011\u2212])"
    r"|(?P<mark>[\u0300-\u036f\ufe00-\ufe0f\u20e3]|[\u202a-\u202e\u2066-\u2069\u180e\u3164\U000e0001-\U000e007f])"
    rf"|(?P<alike>(?:(?<={_LATIN})|(?<={_LATIN}{_ALIKE})|(?<={_LATIN}{_ALIKE}{{2}})){_ALIKE}|{_ALIKE}(?={_ALIKE}{{0,16}}{_LATIN}))"
    r"|(?P<form>[\u00ad\u00b2\u00b3\u00b9\u200b-\u200f\u2060\u2800\ufe6b\u2070-\u2089\u2460-\u24e9\u24ea\ufeff\uff01-\uff5e\u3002\u2024"
    r"\U0001d400-\U0001d7ff]|(?![0-9])\d))"
)
_DROPPED = frozenset("\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\u2800\ufeff")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t"}
_DOTS = frozenset("\u3002\u2024")
#: Replaces an escaped character outside ASCII: a letter, so that it does not end a word.
_LETTER = "\u00e9"


class NormalisedCopy(NamedTuple):
    """`text` is plain; piece n begins at `begins[n]` in it and at `sources[n]` in the original.

    A piece is a verbatim copy if `ends[n]` is -1, else it replaces the original up to `ends[n]`.
    """

    text: str
    begins: list[int]
    sources: list[int]
    ends: list[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The [start, end) of the original for a [start, end) of the copy."""
        first = bisect.bisect_right(self.begins, start) - 1
        last = bisect.bisect_right(self.begins, end - 1) - 1
        low = self.sources[first] + (start - self.begins[first] if self.ends[first] < 0 else 0)
        if self.ends[last] >= 0:
            return low, self.ends[last]
        return low, self.sources[last] + end - self.begins[last]


def normalised_copies(text: str) -> list[NormalisedCopy]:
    """None, one or two copies: a terminal colour inside a value is dropped, beside one it separates words."""
    first = _copy(text, "")
    if first is None:
        return []
    second = _copy(text, "\n") if re.search(_COLOUR, text) else None
    return [first] if second is None else [first, second]


def _copy(text: str, colour: str) -> NormalisedCopy | None:
    parts: list[str] = []
    copy = NormalisedCopy("", [], [], [])
    length = done = 0
    for odd in _ODD.finditer(text):
        plain = colour if odd.lastgroup == "colour" else _plain(odd)
        if plain == odd.group():
            continue
        for part, source, end in ((text[done : odd.start()], done, -1), (plain, odd.start(), odd.end())):
            if part:
                parts.append(part)
                copy.begins.append(length)
                copy.sources.append(source)
                copy.ends.append(end)
                length += len(part)
        done = odd.end()
    if done == 0:
        return None
    if done < len(text):
        parts.append(text[done:])
        copy.begins.append(length)
        copy.sources.append(done)
        copy.ends.append(-1)
    return copy._replace(text="".join(parts))


def _plain(odd: re.Match[str]) -> str:
    """The plain form of a disguised stretch: one character, none, or the text that is shown reversed."""
    kind, value = odd.lastgroup, odd.group(odd.lastgroup or 0)
    if kind == "broken":
        return value[0]
    if kind == "framed":
        return " " if value.startswith(" ") else ""
    if kind == "reversed":
        return value.strip("\u202c\u202e")[::-1]
    if kind == "mark":
        return ""
    if kind == "alike":
        return _TWINS[value]
    if kind == "printable":
        return "@"
    if kind in ("percent", "hex", "unit", "braced"):
        plain = chr(int(value, 16))
    elif kind == "octal":
        plain = chr(int(value, 8))
    elif kind == "escape":
        plain = _ESCAPED.get(value, value)
    elif kind == "bytes":
        plain = _LETTER
    elif kind == "dash":
        plain = "-"
    elif kind == "html":
        plain = html.unescape(value)
    else:
        plain = value
    if len(plain) != 1:
        return odd.group()
    if plain in _DROPPED:
        return ""
    if "\ud800" <= plain <= "\udfff":
        return _LETTER
    return _folded(plain)


def _folded(character: str) -> str:
    if character.isascii():
        return character
    if character in _DOTS:
        return "."
    digit = unicodedata.digit(character, None)
    if digit is not None:
        return str(digit)
    plain = unicodedata.normalize("NFKC", character)
    return plain if len(plain) == 1 else character
