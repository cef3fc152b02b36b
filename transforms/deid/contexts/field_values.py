"""People in the fields of JSON text, code, SQL, markup and forms: the field's name decides, as in `fields`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from transforms.deid.contexts.fields import keyed_span, names_a_person, type_of_key
from transforms.deid.contexts.name_words import ANY, NAME, accepted
from transforms.deid.evidence import FITTING, LIKELY
from transforms.deid.people.lexicon import is_clear_first_name, is_common_word, is_listed, last_names
from transforms.deid.rules.rule import LINE_BLANK, Rule, Verdict
from transforms.deid.spans import Segment, Span
from transforms.deid.text.casing import CAPITAL_BYTE, CAPITALS

_KEY = (
    r"(?:[\w-]{0,24}name|[\w-]{0,12}(?:author|assignee|reviewer|approver|customer|patient|contact|attendee|tenant|owner|manager|reporter|"
    r"creator|employee|recipient|sender|maintainer|supervisor|cardholder|passenger|guest|witness|beneficiary|holder|kin)s?|[\w-]{2,10}_?by)"
)
_VALUE = r"[^\n\"'`<>{}()\[\]=;:/\\|@$]{2,60}"
#: Labels of forms: the value is a name to the end of the line, in any case of letters.
_LABELS = (
    r"(?:full |first |last |middle |given |family |maiden |legal |preferred |contact |patient |customer |client |employee |student |guest |"
    r"parent |guardian |father'?s |mother'?s |spouse'?s? )?names?|surnames?|forenames?|patient|pt|client|customer|tenant|landlord|employee|employer contact|"
    r"student|teacher|guest|applicant|candidate|witness|plaintiff|defendant|beneficiary|account holder|card ?holder|policy ?holder|"
    r"next of kin|emergency contact|spouse|caller|signed|signature|attendees?|participants?|speakers?|interviewer|interviewee|doctor|"
    r"physician|nurse|driver|sender|recipient|consignee|contact(?: person)?|author|reviewer|assignee|reporter|approver|"
    r"requested by|prepared by|reviewed by|approved by|manager|supervisor|poc|lead|maintainer|to|from|cc|attn|owner|host|"
    r"nom|pr\xc3\xa9nom|vorname|nachname|apellidos?|nombre|cognome|nome|imi\xc4\x99|nazwisko"
)
#: Labels before which a word that is also a common one is no name.
_WEAK = re.compile(
    r"(?i)\A(?:names?|to|from|lead|host|client|customer|contact|owner|manager|signed|signature|driver|speakers?|participants?)\Z"
)


def _field(found: re.Match[str]) -> Verdict | None:
    key = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|-", "_", found.group("key"))
    for short in (key, *(key.split("_", n)[-1] for n in (1, 2))):
        if type_of_key(short) == "PERSON":
            value = found.group("value")
            return (*found.span("value"), FITTING) if names_a_person(short, value) else None
    return None


def _cell(found: re.Match[str]) -> Verdict | None:
    """The text of an element without a name of its own: two words, both of a name's shape, one on the lists."""
    words = found.group("value").split(" ")
    if len(words) < 2 or accepted(words, ANY) != len(words):
        return None
    given, family = words[0].strip("."), words[-1]
    sure = is_clear_first_name(given) or (family.lower() in last_names() and not is_common_word(family))
    strange = not any(is_common_word(word.strip(".")) for word in words)
    return (
        (*found.span("value"), LIKELY) if sure or (strange and not any(w.isupper() for w in words)) else None
    )


def _form(found: re.Match[str]) -> Verdict | None:
    """The value of a form's line. Capitals are a name there."""
    value = found.group("value")
    words = [word.title() if word.isupper() and len(word) > 2 else word for word in value.split(" ")]
    kept = accepted(words, ANY)
    if not kept:
        return None
    label, first = found.group("key"), words[0]
    if _WEAK.match(label):
        sure = is_clear_first_name(first) or (kept > 1 and (is_listed(first) or is_listed(words[kept - 1])))
        if not sure:
            return None
    elif value.isupper() and len(value) < 4:
        return None
    start = found.start("value")
    return start, start + len(" ".join(words[:kept])), FITTING


def _arguments(found: re.Match[str]) -> Verdict | None:
    words = found.group("value").split(" ")
    sure = accepted(words, ANY) == len(words) and (is_listed(words[0]) or is_listed(words[-1]))
    return (*found.span("value"), LIKELY) if sure else None


_WORD = rf"[{CAPITALS}][\w'’-]{{1,24}}"
FIELD_RULES = (
    Rule(
        # "author": "...", owner = '...', name="...", first_name => "...", SET name = '...'.
        "PERSON",
        rf"(?i){_KEY}\\?[\"'`\]]?{LINE_BLANK}{{0,3}}(?::|=|=>|:=){LINE_BLANK}{{0,3}}\\?[NbrufN]?[\"'`](?-i:{CAPITAL_BYTE}|[a-z])",
        (
            rf"(?i:(?<![\w$-])(?P<key>{_KEY})\\?[\"'`\]]?[ \t]{{0,3}}(?:=>|:=|==?|:)[ \t]{{0,3}}[Nbru]?)\\?(?P<quote>[\"'`])"
            rf"(?P<value>[^\W\d_]{_VALUE})\\?(?P=quote)"
        ),
        _field,
        (80, 80),
    ),
    Rule(
        # <name>...</name>, <author>...</author>.
        "PERSON",
        rf"(?i)<(?:\w{{1,20}}:)?{_KEY}>{LINE_BLANK}{{0,3}}(?-i:{CAPITAL_BYTE})",
        rf"(?i:<(?:\w{{1,20}}:)?(?P<key>{_KEY})>)[ \t]{{0,3}}(?P<value>[^\W\d_]{_VALUE}?)[ \t]{{0,3}}</",
        _field,
        (80, 80),
    ),
    Rule(
        # Cells and list items of a page.
        "PERSON",
        rf"(?i)<(?:td|li|dd|strong|b|span|p|h[1-6]|option|a)(?: [^<>\n]{{0,80}})?>{LINE_BLANK}{{0,3}}(?-i:{CAPITAL_BYTE})",
        rf"(?i:<(?:td|li|dd|strong|b|span|p|h[1-6]|option|a)(?: [^<>\n]{{0,80}})?>)[ \t]{{0,3}}(?P<value>{NAME})[ \t]{{0,3}}</",
        _cell,
        (110, 80),
    ),
    Rule(
        # A line of a form or of a header: Surname: OKONKWO, Tenant - Shaughnessy.
        "PERSON",
        rf"(?i)(?:^|[\n|;,>]|\\n|  ){LINE_BLANK}{{0,6}}[*_#-]{{0,3}} ?(?:{_LABELS})[*_]{{0,3}}{LINE_BLANK}{{0,2}}(?::|=|-|\xe2\x80\x93|\xe2\x80\x94)"
        rf"[*_]{{0,2}}{LINE_BLANK}{{1,6}}(?-i:{CAPITAL_BYTE})",
        (
            rf"(?:(?<![^\n|;,>])|(?<=\\n)|(?<=  ))[ \t]{{0,6}}[*_#-]{{0,3}} ?(?i:(?P<key>{_LABELS.replace(chr(92) + 'xc3' + chr(92) + 'xa9', 'é').replace(chr(92) + 'xc4' + chr(92) + 'x99', 'ę')}))"
            rf"[*_]{{0,3}}[ \t]{{0,2}}[:=–—-][*_]{{0,2}}[ \t]{{1,6}}@?(?P<value>{NAME})(?![\w(=\[/\\]|\.\w)"
        ),
        _form,
        (80, 120),
    ),
    Rule(
        # The arguments of a person: User("Ngozi", "Eze").
        "PERSON",
        r"(?:User|Person|Customer|Employee|Patient|Contact|Author|Student|Member|Player|Owner)\([\"'][A-Z\xc3-\xc9]",
        rf"\w{{0,24}}(?:User|Person|Customer|Employee|Patient|Contact|Author|Student|Member|Player|Owner)\([\"'](?P<value>{NAME})[\"']",
        _arguments,
        (40, 80),
    ),
    Rule(
        "PERSON",
        r"(?:User|Person|Customer|Employee|Patient|Contact|Author|Student|Member|Player|Owner)\([\"'][^\"'\n]{2,40}[\"'], ?[\"'][A-Z\xc3-\xc9]",
        rf"(?:User|Person|Customer|Employee|Patient|Contact|Author|Student|Member|Player|Owner)\([\"'][^\"'\n]{{2,40}}[\"'], ?[\"'](?P<value>{_WORD})[\"']",
        _arguments,
        (70, 40),
    ),
)

#: Lists of names: names = ["...", "..."].
LIST_TRIGGER = (
    r"(?i)(?:names|authors|users|people|attendees|members|employees|customers|students|players|reviewers|assignees|participants|guests|staff)"
    r"[\"']?\s{0,2}[:=]\s{0,2}[\[({]"
)
_ITEM = re.compile(rf"\s*,?\s*[\"'](?:(?P<value>{NAME})|[^\"'\n]{{0,80}})[\"']")
_MOST_ITEMS = 1_000
#: INSERT INTO t (columns) VALUES (...): read as a table.
INSERT_TRIGGER = r"(?i)insert\s+into\s"
_INSERT = re.compile(
    r"(?i)insert\s+into\s+[\w.\"`\[\]]{1,120}\s*\((?P<columns>[^()]{1,2000})\)\s*(?:output\s[^()]{1,200})?values\s*",
    re.S,
)
_ROW = re.compile(r"\s*,?\s*\((?P<cells>(?:'(?:[^']|'')*'|[^'()]|\([^()]{0,80}\)){1,4000}?)\)")
_CELL = re.compile(r"\s*(?:(?:N|E)?'(?P<text>(?:[^']|'')*)'|(?P<bare>[^',]+(?:\([^()]*\))?))\s*(?:,|\Z)")


def listed_spans(text: str, ends: Sequence[int]) -> Iterator[Span]:
    """People in lists of strings whose name means people; `ends` are the places behind the opening brackets."""
    for place in ends:
        for _ in range(_MOST_ITEMS):
            item = _ITEM.match(text, place)
            if item is None:
                break
            place = item.end()
            verdict = _cell(item) if item.group("value") else None
            if verdict is not None:
                yield Span(*verdict[:2], "PERSON", verdict[2])


def inserted_spans(text: str, ends: Sequence[int]) -> Iterator[Span]:
    """Spans of the values of INSERT statements whose column names their entity type; `ends` end `insert into `."""
    for end in ends:
        low = max(0, end - 80)
        start = low + text[low:end].lower().rfind("insert")
        for column, low, high in _inserted(text, start):
            span = keyed_span(Segment(text[low:high], "user", column))
            if span is not None:
                yield span._replace(start=low, end=high)


def _inserted(text: str, start: int) -> Iterator[tuple[str, int, int]]:
    """The quoted values of an INSERT statement at `start` with their columns: column, [start, end)."""
    found = _INSERT.match(text, start)
    if found is None:
        return
    columns = [column.strip(' \t\r\n"`[]') for column in found.group("columns").split(",")]
    place = found.end()
    while (row := _ROW.match(text, place)) is not None:
        place = row.end()
        at, end = row.span("cells")
        for column in columns:
            cell = _CELL.match(text, at, end)
            if cell is None:
                break
            at = cell.end()
            if cell.group("text"):
                yield column, *cell.span("text")
