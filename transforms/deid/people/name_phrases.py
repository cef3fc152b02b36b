"""People named by the words around them: introductions, relations, speaker labels, form fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import NamedTuple

from transforms.deid.evidence import FITTING, LIKELY, POSSIBLE
from transforms.deid.people.lexicon import (
    PARTICLE,
    TITLES,
    first_names,
    is_clear_first_name,
    is_common_word,
    last_names,
    not_people,
)
from transforms.deid.people.places import names_a_place, names_a_thing
from transforms.deid.rules.rule import LINE_BLANK
from transforms.deid.spans import Span
from transforms.deid.text.casing import CAPITAL_BYTE, CAPITALS

_TITLES = tuple(TITLES)
_WORD = rf"[{CAPITALS}][\w'’-]+"
_NAME = rf"{_WORD}(?: (?:[A-Z]\.|{PARTICLE} (?=[{CAPITALS}])|{_WORD})){{0,3}}"
_INTRODUCED = re.compile(
    r"(?:\b(?:[Mm]y (?:full |first )?name(?:['’]s| is)|[Ii] am called|[Cc]all me|[Tt]his is|[Dd]ear|Hi|Hello|Hey|[Rr]egards,?|"
    r"[Ss]incerely,?|[Tt]hanks,|[Bb]est,|[Cc]heers,|signed,?)\s+|\b(?:Mr|Mrs|Ms|Dr|Prof|Miss|Mx|Herr|Frau)\.?\s+)"
    rf"(?P<name>{_NAME})"
)
_LOWER_INTRODUCED = re.compile(
    r"\b[Mm]y (?:full )?name(?: is|['’]s) (?P<name>[a-z][a-z'’-]+(?: [a-z][a-z'’-]+)?)"
)
_RELATIONS = (
    r"husband|wife|hubby|wifey|spouse|partner|boyfriend|girlfriend|fianc(?:é|e)e?|bf|gf|mother|father|mom|mum|dad|parents|folks|son|"
    r"daughter|kids?|child(?:ren)?|brother|sister|cousin|aunt|uncle|nephew|niece|grand(?:ma|pa|mother|father|son|daughter)|"
    r"friends?|bestie|roommate|flatmate|neighbou?r|boss|manager|colleague|co-?worker|mentors?|teacher|coach|landlord|"
    r"doctor|therapist|lawyer|classmate|in-laws|baby|toddler"
)
#: By relation or verb: only given names that are on a list, the ambiguous ones too.
_RELATED = re.compile(
    rf"(?:\b(?i:(?:my|our|his|her|their|your)(?: [a-z-]+){{0,2}}? (?:{_RELATIONS}))[,:]?|\b[Mm]arried to(?: my rock,| the \w+(?: \w+)?,)?|"
    rf"\b[Mm]arried life with|\b[Ll]ife at home with|\bI(?:['’]m| am),?|\b[Nn]amed|\b[Ff]riend of mine,) (?P<name>{_NAME})"
)
_LOWER_RELATED = re.compile(
    rf"\b(?i:my|our|his|her|their) (?:[a-z-]{{2,12}} )?(?:{_RELATIONS})[,:]? (?P<name>[a-z]{{3,20}})\b(?![\w@/(=.-]\w|[-_(=])"
)
_GAP = r"(?P<gap>,\s(?:and\s|or\s|&\s)?|\s?(?:&|\+|and|or)\s)"
_NEXT = re.compile(rf"{_GAP}(?P<name>{_WORD}(?: {_WORD}){{0,2}})")
_PREVIOUS = re.compile(rf"(?<![\w@#$/.-])(?P<name>{_WORD}){_GAP}\Z")
_MAX_LIST = 30
#: Words before family names that make them the name of a firm: "at Jones, Brown and Flores".
_AT_A_FIRM = re.compile(r"(?i)\b(?:at|from|by|with|of|to|for|join(?:ed|ing)?|outside|via)\s\Z")
#: `@handle : text` and `Jordan : text`, as forums and chats label who speaks.
_SPEAKER = re.compile(
    rf"\A\s{{0,4}}[\"“]?(?:@(?P<handle>[\w.-]{{2,40}})|(?P<name>{_WORD}(?: {_WORD})?))(?P<gap> ?): (?=\S)"
)
_FIELDS = (
    r"user ?name|user|handle|login|screen ?name|seller(?: name)?|buyer|name|full name|"
    r"first name|last name|surname|contact(?: person)?|patient|customer|client|employee|attendee|guest|sender|recipient|"
    r"consignee|driver|host|tenant|landlord|witness|applicant|author|reviewer|assignee|reporter|owner"
)
_FIELD = re.compile(
    rf"(?i)(?:\A|[|;\"“]|\s{{2}})\s{{0,2}}(?P<field>{_FIELDS})\s?:\s{{0,3}}"
    r"(?P<value>[^\W_][^\n|:;,=<>()\[\]{}\"“”/\\]{1,40}?)(?=\s*(?:[|;,\"”\n]|\s{2}|\Z))"
)
_USER_FIELDS = frozenset(("user", "username", "user name", "handle", "login", "screenname", "screen name"))


#: For Hyperscan, on UTF-8: a line that one of the four ways below finds something in matches its sign.
_IS = r"(?:'s|\xe2\x80\x99s| is)"
SIGNS = (
    rf"(?:[Mm]y (?:full |first )?name{_IS}|[Ii] am called|[Cc]all me|[Tt]his is|[Dd]ear|Hi|Hello|Hey|[Rr]egards,?|[Ss]incerely,?|"
    rf"[Tt]hanks,|[Bb]est,|[Cc]heers,|signed,?|(?:Mr|Mrs|Ms|Dr|Prof|Miss|Mx|Herr|Frau)\.?){LINE_BLANK}+{CAPITAL_BYTE}|"
    rf"[Mm]y (?:full )?name{_IS} [a-z]",
    rf"(?:(?i:{_RELATIONS})[,:]?|[Mm]arried to(?: my rock,| the [^\s]+(?: [^\s]+)?,)?|[Mm]arried life with|[Ll]ife at home with|"
    rf"I(?:'m|\xe2\x80\x99m| am),?|[Nn]amed|[Ff]riend of mine,) {CAPITAL_BYTE}|"
    rf"\b(?i:my|our|his|her|their) (?:[a-z-]{{2,12}} )?(?:{_RELATIONS})[,:]? [a-z]",
    rf"^{LINE_BLANK}{{0,4}}(?:\"|\xe2\x80\x9c)?(?:@|{CAPITAL_BYTE})[^\n:]{{1,200}}: ",
    rf"(?i)(?:{_FIELDS}){LINE_BLANK}?:",
)


def mentioned(line: str, offset: int, ways: Collection[int] = range(len(SIGNS))) -> list[Span]:
    """The people and user names that phrases in a line of prose name, with their places in its text.

    `ways` are the numbers of the SIGNS that the line matches.
    """
    found = [span for way in ways for span in _WAYS[way](line)]
    return [Span(offset + start, offset + end, kind, score) for start, end, kind, score in found]


def joined_to(text: str, spans: list[Span]) -> list[Span]:
    """Listed names in one list with found people: `Sean & Jessica`, `Malon, Mark and Kaylee`.

    Names that are common words are included if two people of the list were found.
    """
    people = {span.start: span for span in spans if span.type == "PERSON"}
    ends = {span.end: span for span in people.values()}
    more: list[Span] = []
    reached = 0
    for span in sorted(people.values()):
        if span.start >= reached:
            after = _rest_of_list(text, span, people, ahead=True)
            before = _rest_of_list(text, span, ends, ahead=False)
            more += _names_in_list(text, after, before)
            reached = after.edge
    return [one for one in more if one.start < one.end and one.start not in people]


class _Item(NamedTuple):
    """An item [start, end) of a list; `joined`: an "and" joins it directly to the person of the list."""

    start: int
    end: int
    joined: bool


class _Rest(NamedTuple):
    """A list on one side of a person: how many found people it has, its other items, and where it ends."""

    people: int
    others: list[_Item]
    edge: int


def _rest_of_list(text: str, span: Span, people: Mapping[int, Span], *, ahead: bool) -> _Rest:
    """The list after a person, or before it; `people` are keyed by their start, or by their end."""
    known, others = 0, []
    edge = span.end if ahead else span.start
    for number in range(_MAX_LIST):
        match = _NEXT.match(text, edge) if ahead else _PREVIOUS.search(text, max(0, edge - 40), edge)
        if match is None:
            break
        start, end = match.span("name")
        person = people.get(start if ahead else end)
        if person is None:
            others.append(_Item(start, end, number == 0 and "," not in match.group("gap")))
        else:
            known += 1
            start, end = person.start, person.end
        edge = end if ahead else start
    return _Rest(known, others, edge)


def _names_in_list(text: str, after: _Rest, before: _Rest) -> Iterator[Span]:
    """The names among the other items of a list."""
    several = after.people + before.people > 0
    firm = _AT_A_FIRM.search(text, max(0, before.edge - 12), before.edge) is not None
    for start, end, joined in (*after.others, *before.others):
        word = text[start:end].split()[0]
        if names_a_place(text, start, end) or names_a_thing(text, start, end):
            continue
        if _given(word) and (joined or several or is_clear_first_name(_bare(word))):
            yield Span(*_trimmed(text, start, end), "PERSON", FITTING)
        elif several and _listed(word) and not firm:
            yield Span(*_trimmed(text, start, end), "PERSON", LIKELY)


def without_possessive(name: str) -> str:
    """A name without the 's at its end."""
    return name[:-2] if name.endswith(("'s", "’s")) else name


def _introduced(line: str) -> Iterator[Span]:
    for match in _INTRODUCED.finditer(line):
        start, end = match.span("name")
        words = match.group("name").split()
        titled = match.group().lower().startswith(_TITLES)
        while len(words) > titled and is_common_word(words[-1]) and not _listed(words[-1]):
            end -= len(words.pop()) + (1 if words else 0)
        if words and not is_common_word(words[0]):
            yield Span(start, end, "PERSON", FITTING)
        elif words and (titled or _two_names(words)):
            yield Span(start, end, "PERSON", LIKELY)
    for match in _LOWER_INTRODUCED.finditer(line) if "name" in line else ():
        if not is_common_word(match.group("name").split()[0]):
            yield Span(match.start("name"), match.end("name"), "PERSON", LIKELY)


def _related(line: str) -> Iterator[Span]:
    for match in _RELATED.finditer(line):
        start, end = _trimmed(line, *match.span("name"))
        if start < end and _given(line[start:end].split()[0]):
            span = Span(start, end, "PERSON", FITTING)
            yield span
            yield from joined_to(line, [span])
    for match in _LOWER_RELATED.finditer(line):
        if is_clear_first_name(match.group("name")):
            yield Span(*match.span("name"), "PERSON", FITTING)


def _speaker(line: str) -> Iterator[Span]:
    match = _SPEAKER.match(line)
    if match is None:
        return
    if match.group("handle"):
        yield Span(match.start("handle"), match.end("handle"), "USERNAME", LIKELY)
        return
    words = match.group("name").split()
    surely = match.group("gap") == " " or not is_common_word(words[0])
    if _given(words[0]) and surely and all(_listed(word) for word in words):
        yield Span(match.start("name"), match.end("name"), "PERSON", FITTING)


def _fields(line: str) -> Iterator[Span]:
    for match in _FIELD.finditer(line):
        field, value = match.group("field").lower(), match.group("value")
        words = value.split()
        if field in _USER_FIELDS:
            if len(words) == 1 and not is_common_word(value) and re.search(r"[^\W\d_]", value):
                yield Span(match.start("value"), match.end("value"), "USERNAME", POSSIBLE)
            continue
        first = re.match(r"[^\W\d_]+", value)
        if first is None or not value[0].isupper() or len(words) > 4:
            continue
        if len(words) == 1 and not is_common_word(first.group()) and not (value.isupper() and len(value) > 3):
            yield Span(match.start("value"), match.end("value"), "PERSON", POSSIBLE)
        elif _given(first.group()) and all(word[0].isupper() for word in words):
            yield Span(match.start("value"), match.end("value"), "PERSON", FITTING)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A stretch without the common words at its end, and without a possessive."""
    words = text[start:end].split(" ")
    while len(words) > 1 and is_common_word(words[-1]) and not _listed(words[-1]):
        words.pop()
    return start, start + len(without_possessive(" ".join(words)))


def _given(word: str) -> bool:
    return _bare(word) in first_names() and _bare(word) not in not_people()


def _two_names(words: list[str]) -> bool:
    return len(words) > 1 and words[0].lower() in first_names() and words[-1].lower() in last_names()


def _listed(word: str) -> bool:
    return _bare(word) in first_names() or _bare(word) in last_names()


def _bare(word: str) -> str:
    """A word as the lists have it: in lower case, without a possessive or a sign at its end."""
    return without_possessive(word.lower()).strip(".,'’")


_WAYS: tuple[Callable[[str], Iterator[Span]], ...] = (_introduced, _related, _speaker, _fields)
