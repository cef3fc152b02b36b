"""Spans of table cells (Markdown, CSV, TSV) with a column header that names their entity type.

The header of a cell has the same effect as the JSON key of a tool input value (`contexts/fields.py`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from transforms.deid.contexts.fields import keyed_span
from transforms.deid.spans import Segment, Span

_HEADS = (
    r"(?:date[ _]of[ _])?birth(?:[ _]?da(?:te|y))?|dob|"
    r"(?:(?:tele|mobile[ _]?|cell[ _]?|home[ _]?|work[ _]?)?phone|mobile|fax)(?:[ _]?(?:no|number))?|"
    r"ssn|social[ _]security(?:[ _]number)?|tax[ _]id|passport(?:[ _](?:no|number))?|national[ _]id|"
    r"licen[cs]e[ _](?:no|number|plate)|mrn|medical[ _]record(?:[ _]number)?|nhs(?:[ _]number)?|"
    r"(?:patient|member|insurance|policy)[ _](?:id|no|number)|account[ _](?:no|number)|iban|"
    r"user[ _]?name|login|password|"
    r"(?:(?:full|first|last|middle|given|family|maiden|display|customer|patient|employee|contact|student|manager|author|owner|sur|fore)[ _]?)?names?|"
    r"author|assignee|reviewer|approver|owner|customer|patient|contact|attendee|tenant|employee|student|manager|reporter|supervisor|"
    r"recipient|sender|guest|maintainer|assigned[ _]to|created[ _]by|requested[ _]by|"
    r"(?:(?:street|home|postal|mailing)[ _])?address"
)
#: Characters around the content of a cell.
_AROUND = "\"'*` \t\r"
_PADDING = r"[\"'*` ]{0,6}"
#: For Hyperscan, on UTF-8: a text without a match has no table with such a header.
TABLE_TRIGGER = (
    rf"(?i)[|,;\t]{_PADDING}(?:{_HEADS}){_PADDING}(?:[|,;\t\r\n]|\z)|"
    rf"(?:^|\n){_PADDING}(?:{_HEADS}){_PADDING}[|,;\t]"
)
_SIGNS = "|\t;,"
#: Characters of calls and statements, which a table header never contains.
_CODE = re.compile(r"[(){}=]")
_LITERAL = re.compile(r"[{}=\[\]]")
_RULER = re.compile(r"[-:|+= \t]*\Z")
_BARE_SURROGATE = re.compile(r"<?[A-Z_]{3,40}_\d{1,9}>?\Z")
_QUOTED = re.compile(r"[ \t]*\"(?:[^\"]|\"\")*\"[ \t]*\r?")
_MAX_COLUMNS = 200


def table_cells(text: str, ends: Sequence[int]) -> Iterator[Span]:
    """Spans of cells below the headers that end at `ends`, sorted and distinct."""
    done = 0
    for end in ends:
        if end <= done:
            continue
        low = text.rfind("\n", 0, max(end - 1, 0)) + 1
        lines = _lines(text, low)
        place, head = next(lines)
        sign = max(_SIGNS, key=head.count)
        columns = [(cell.strip(_AROUND), start) for start, cell in _cells(head, sign)]
        done = place + len(head)
        if not 2 <= len(columns) <= _MAX_COLUMNS or _CODE.search(head):
            continue
        keys = _keys([name for name, _ in columns])
        for place, line in lines:
            if _RULER.match(line) and line.strip():
                done = place + len(line)
                continue
            cells = list(itertools.islice(_cells(line, sign), _MAX_COLUMNS + 1))
            if len(cells) != len(columns):
                break
            done = place + len(line)
            for key, (start, cell) in zip(keys, cells, strict=True):
                if key:
                    yield from _judged(key, cell, place + start)


def _lines(text: str, start: int) -> Iterator[tuple[int, str]]:
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, text[start:end]
        start = end + 1


def _cells(line: str, sign: str) -> Iterator[tuple[int, str]]:
    """The cells of a line with their offsets; a separator inside quotes does not count."""
    start = 0
    while True:
        quoted = _QUOTED.match(line, start) if '"' in line else None
        end = (
            quoted.end()
            if quoted and line[quoted.end() : quoted.end() + 1] in (sign, "")
            else line.find(sign, start)
        )
        if end < 0 or end >= len(line):
            yield start, line[start:]
            return
        yield start, line[start:end]
        start = end + 1


def _keys(heads: Sequence[str]) -> list[str]:
    """One key per column, empty if the header names no type."""
    keys = [re.sub(r"[ -]+", "_", head) for head in heads]
    return [
        key if re.fullmatch(rf"(?i){_HEADS}", head) else "" for key, head in zip(keys, heads, strict=True)
    ]


def _judged(key: str, cell: str, start: int) -> Iterator[Span]:
    value = cell.strip(_AROUND)
    if not value or _BARE_SURROGATE.match(value) or _LITERAL.search(value):
        return
    span = keyed_span(Segment(value, "user", key))
    if span is not None:
        begin = start + cell.index(value)
        yield Span(begin, begin + len(value), span.type, span.score)
