"""Things and places that are named after a person, or like one: San Jose, Wells Fargo, Arial Black, Bell palsy."""

from __future__ import annotations

import functools
import re

from transforms.deid.people.kinds import is_of_listed_kind
from transforms.deid.people.lexicon import things

_FIRST = r"(?:San|Santa|Santo|São|Saint|Sainte|St|Ste|Fort|Ft|Port|Mount|Mt|Lake|Cape|Monte|Los|Las|Camp)"
_BEFORE = re.compile(rf"(?<![\w.-]){_FIRST}\.?\s\Z")
_WHOLE = re.compile(rf"{_FIRST}\.?\s\w[\w'’-]*\Z")
_LONGEST = 8
#: Nouns before which a name is that of a thing: laws and tests, illnesses and instruments, places, firms.
_NOUNS = re.compile(
    r"(?:['’]s)?[ -](?:optimi[sz]er|init|initiali[sz]ation|scores?|correlation|coefficient|(?:t-)?tests?|exact test|exact|distribution|"
    r"algorithm|theorem|thesis|field|spaces?|theory|law|laws|machines?|wavelets?|window|lemma|conjecture|inequality|equations?|transform|series|matrix|matrices|kernel|norm|criterion|index|process|"
    r"chain|tree|trees|heap|sort|partition|hash|coding|cipher|machine|test|filter|smoothing|effect|principle|paradox|constant|"
    r"numbers?|sequence|triangle|curve|diagram|plot|scale|unit|model|estimator|regression|penalty|loss|divergence|entropy|distance|"
    r"similarity|disease|syndrome|palsy|thyroiditis|lymphoma|sarcoma|anemia|an(?:a)?emia|catheter|clamp|forceps|retractor|reflex|sign|"
    r"criteria|classification|staging|stain|agar|score|maneuver|manoeuvre|procedure|fracture|nodes?|cells?|tube|"
    r"falls|hole|river|valley|creek|county|beach|island|islands|heights|springs|park|airport|station|bridge|avenue|street|square|"
    r"university|college|institute|hospital|foundation|museum|stadium|arena|bank|inc|corp|llc|ltd|gmbh|plc|sachs|fargo|"
    r"tractor|salad|pizza|sandwich|cocktail|apples?|tea|sponge|font|typeface|sans|serif|gothic|mono|"
    r"award|prize|medal|cup|trophy|act|amendment|grant|scholarship|telescope|framework|library|plugin|package|module|container|"
    r"cluster|dashboards?|server|repo|repository|branch|release|theme|cli|apis?|sdk|ide|tui|gui|schemas?|middleware|bindings|"
    r"settings|mode|button|tab|menu|dialog|wizard|checkbox|toggle|flag|components?|hooks|queries|runtime|compiler|linter|bundler|templates?|instance|webhooks?|endpoints?)\b",
    re.IGNORECASE,
)
#: "They named it Phoenix." A person is named without "it".
_NAMED = re.compile(r"\b(?:name[ds]?|call(?:ed|s)?|dub(?:bed|s)?) (?:it|this|that) \Z", re.IGNORECASE)
#: Months before the number of a day or year.
_MONTH = re.compile(r"(?:april|may|june|august),? \d", re.IGNORECASE)
_AROUND = 40
_MOST_WORDS = 4
_TOKEN = re.compile(r"[\w'’.&-]*[\w]|&")


@functools.cache
def _thing_words() -> frozenset[str]:
    return frozenset(word for thing in things() for word in thing.split(" "))


def names_a_place(text: str, start: int, end: int) -> bool:
    """True if [start, end) is one word after such a beginning, or the beginning with one word.

    A longer name may be a person's: Aung San Suu Kyi.
    """
    name = text[start:end]
    if " " not in name:
        return _BEFORE.search(text, max(0, start - _LONGEST), start) is not None
    return name[0] in "SFPMLC" and _WHOLE.match(name) is not None


def names_a_thing(text: str, start: int, end: int) -> bool:
    """True if [start, end) is, or is part of, the name of a thing or place on the list, or precedes a noun of
    things, or follows "named it", or is the month of a date, or is in a list of things of one kind.
    """
    if _NAMED.search(text, max(0, start - _AROUND), start):
        return True
    if _MONTH.match(text, start, end + 3):
        return True
    if _NOUNS.match(text, end) and " " not in text[start:end]:
        return True
    if is_of_listed_kind(text, start, end):
        return True
    first, *rest = text[start:end].lower().split(" ")
    if first.replace("’", "'") not in _thing_words() and (not rest or rest[-1] not in _thing_words()):
        return False
    low = max(0, start - _AROUND)
    words = list(_TOKEN.finditer(text, low, min(len(text), end + _AROUND)))
    inside = [n for n, m in enumerate(words) if m.start() < end and m.end() > start]
    if not inside:
        return False
    for begin in range(max(0, inside[0] - _MOST_WORDS + 1), inside[-1] + 1):
        for count in range(1, _MOST_WORDS + 1):
            part = words[begin : begin + count]
            if len(part) < count or part[-1].end() <= start:
                continue
            name = text[part[0].start() : part[-1].end()].lower().replace("’", "'")
            if name in things() and ((part[0].start() <= start and end <= part[-1].end()) or count > 1):
                return True
    return False
