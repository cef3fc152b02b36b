"""People by the words before and after their names: titles, initials, offices and degrees."""

from __future__ import annotations

import re

from transforms.deid.evidence import FITTING, LIKELY, POSSIBLE
from transforms.deid.people.lexicon import PARTICLE, first_names, is_common_word, last_names
from transforms.deid.rules.rule import Rule, Verdict, after, before
from transforms.deid.text.casing import CAPITAL_BYTE, CAPITALS

_WORD = rf"[{CAPITALS}][\w'’-]*[^\W\d_]"
_INITIALS = rf"(?:[{CAPITALS}]\.[ ]?){{1,4}}"
_NAME = rf"(?:{_INITIALS})?{_WORD}(?:[ ]{{1,3}}(?:{PARTICLE}[ ](?:{PARTICLE}[ ])?)?(?:{_INITIALS})?{_WORD}){{0,4}}"
#: Titles that only precede a name, then titles that also begin other terms (Justice Department).
_TITLE = (
    r"(?:Mr|Mrs|Ms|Mx|Messrs|Dr|Prof|Shri|Sri|Smt|Kumari|Mme|Mlle|Monsieur|Madame|Herr|Frau|Señora?|Signora?|Sig|Dhr|Mevr|"
    r"Adv|Hon['’]?ble(?: (?:Mr|Mrs|Ms|Shri|Smt)\.?)?(?: Justice)?|Lt\.? Col|Lt\.? Gen|Sgt|Cpl|Capt|Rev|Insp)"
)
_OFFICE = (
    r"(?:Justice|Judge|Professor|Sir|Dame|Lady|Senator|Governor|Detective|Inspector|Constable|Sergeant|Lieutenant|Colonel|"
    r"Advocate|Reverend|Pastor|Rabbi|Imam|Sheikh)"
)
_BEHIND = (
    r"(?:,? (?:Esq\b|Jr\b\.?|Ph\.?D\b|M\.?D\b|MBBS\b|[QK]\.?C\b)|,[ ]?(?:(?:Sr|Senior|Jr)\.? )?(?:Adv(?:s|ocates?)?\b|JJ?\.|C\.?J\.|"
    r"Solicitor\b|Barrister\b|Attorney at Law\b))"
)
#: States and times that are written like initials.
_NO_INITIALS = re.compile(
    r"(?:U\. ?S|U\. ?K|U\. ?N|E\. ?U|D\. ?C|A\. ?M|P\. ?M|B\. ?C|A\. ?D|N\. ?Y|L\. ?A)\.\s?"
)
#: Verbs that have a person as subject.
_DOES = (
    r"(?:said|says|told|asks|asked|e-?mailed|phoned|texted|replied|emigrated|apologi[sz]ed|graduated|retired|resigned|married|divorced|"
    r"reviewed|approved|signed|presented|coordinated|organi[sz]ed|chaired|mentored|interviewed|negotiated|supervised|volunteered|"
    r"attended|lives|lived|was born|grew up|moved to|works (?:at|for|as|in)|worked (?:at|for|as|in)|called (?:me|us|him|her|them|to)|"
    r"wants me|thinks|thought|mentioned|suggested|promised|agreed|laughed|smiled|cried|hugged|loves|loved|hates|hated|wrote|"
    r"joined (?:us|me|the)|(?:and I|and me) )"
)
#: Tools and assistants with the name of a person, used with the same verbs.
_TOOLS = frozenset(
    (
        "claude gemini ruby julia jenkins travis pascal perl ada jade watson alexa siri cortana copilot nova opus sonnet haiku "
        "mistral llama cursor windsurf sage maven jasper mercury cassandra java python swift dash devin codex"
    ).split()
)
#: Months, days and words that begin sentences.
_NO_NAMES = frozenset(
    "an and any are as but can else for he his if in is it its me no not now of on one or our see she so the to us we who you all do did".split()
)


def _ambiguous(found: re.Match[str]) -> Verdict | None:
    """A word that is also a name, at the start of a sentence and before a verb of `_DOES`."""
    word = found.group("name").lower()
    if word not in first_names() or word in _TOOLS or word in _NO_NAMES:
        return None
    return found.start("name"), found.end("name"), POSSIBLE


_ARTICLE = re.compile(r"(?i)\b(?:the|an?|this|that|our|my|your|its)\s\Z")
#: Possessions that servers and lines also have.
_OF_THINGS = re.compile(r"['’]s (?:address|phone|e-?mail|house|home|apartment|child|kid|parents|surname)")


def _owner(found: re.Match[str]) -> Verdict | None:
    """The owner of a daughter, a birthday or an address: a name, or a word that is not an ordinary one."""
    word = found.group("name").lower()
    if word in _TOOLS or word in _NO_NAMES or _ARTICLE.search(before(found, 6)):
        return None
    if is_common_word(word) and (word not in first_names() or _OF_THINGS.match(after(found, 20))):
        return None
    return found.start("name"), found.end("name"), POSSIBLE


def _titled(found: re.Match[str]) -> Verdict | None:
    start, end = _trimmed(found)
    words = found.string[start:end].split()
    if not words or len(words[0]) < 2 or words[0] == "Lanka":
        return None
    return start, end, FITTING


def _named(found: re.Match[str]) -> Verdict | None:
    """The word after an ambiguous title, if it is not an ordinary word or is on the name lists."""
    start, end = _trimmed(found)
    words = [word.strip(".,'’").lower() for word in found.string[start:end].split()]
    known = [word in first_names() or word in last_names() for word in words]
    strange = [not is_common_word(word) for word in words if len(word) > 2]
    if not words or (not (all(strange) and strange) and not (known[0] and known[-1] and len(words) > 1)):
        return None
    return start, end, LIKELY


def _initialled(found: re.Match[str]) -> Verdict | None:
    """Initials and a family name that is not an ordinary word."""
    family = found.group("family")
    if _NO_INITIALS.match(found.group("name")) or is_common_word(family) or family.isupper():
        return None
    return found.start("name"), found.end("name"), POSSIBLE


def _trimmed(found: re.Match[str]) -> tuple[int, int]:
    """The name without ordinary capitalised words after it, and without a possessive ending."""
    start = found.start("name")
    words = re.sub(r"['’]s\Z", "", found.group("name")).split(" ")
    while len(words) > 1 and (not words[-1] or _is_ordinary(words[-1])):
        words.pop()
    return start, start + len(" ".join(words))


def _is_ordinary(word: str) -> bool:
    return is_common_word(word) and word.lower() not in last_names() and word.lower() not in first_names()


#: Nouns that have only a person as owner.
_HAS = (
    r"(?:daughter|son|kids?|child(?:ren)?|wife|husband|spouse|mother|father|mom|mum|dad|parents|brother|sister|aunt|uncle|"
    r"boyfriend|girlfriend|fianc(?:é|e)e?|birthday|wedding|funeral|apartment|house|home address|address|phone|e-?mail|surname)\b"
)
TITLE_RULES = (
    Rule(
        # Emre's address, Mary's daughter.
        "PERSON",
        rf"{CAPITAL_BYTE}[a-z\x80-\xff]{{1,30}}(?:'|\xe2\x80\x99)s {_HAS.replace('(?:é|e)', '..?')}",
        rf"(?<![\w.$@/#-])(?P<name>[{CAPITALS}][^\W\d_A-Z]{{1,15}})(?=['’]s {_HAS})",
        _owner,
        (60, 24),
    ),
    Rule(
        "PERSON",
        rf"(?:[Mm]aiden name(?: is| was|:)|[Nn]amed (?:him|her|them|their (?:son|daughter|baby))) {CAPITAL_BYTE}",
        rf"(?:[Mm]aiden name(?: is| was|:)|[Nn]amed (?:him|her|them|their (?:son|daughter|baby))) (?P<name>{_NAME})",
        _titled,
        (50, 320),
    ),
    Rule(
        # "May said", "Austin reviewed": a name by the verb after it.
        "PERSON",
        rf"(?:^|[^\w ]|[.!?] ){CAPITAL_BYTE}[a-z\x80-\xff]{{1,30}} {_DOES}",
        rf"(?:(?<![^\n])|(?<=[.!?] )|(?<=[\"“(]))(?P<name>[{CAPITALS}][^\W\d_A-Z]{{1,15}})(?= {_DOES})",
        _ambiguous,
        (48, 8),
    ),
    Rule(
        "PERSON",
        rf"\b(?:{_TITLE})\.?[ ]{{0,3}}{CAPITAL_BYTE}",
        rf"(?<![\w.$@/-]){_TITLE}(?:\.[ ]{{0,3}}|[ ]{{1,3}})(?P<name>{_NAME})",
        _titled,
        (40, 320),
    ),
    Rule(
        "PERSON",
        rf"\b{_OFFICE}[ ]{{1,3}}{CAPITAL_BYTE}",
        rf"(?<![\w.$@/-]){_OFFICE}[ ]{{1,3}}(?P<name>{_NAME})",
        _named,
        (40, 320),
    ),
    Rule(
        "PERSON",
        rf"[A-Za-z\x80-\xff.]{_BEHIND}",
        rf"(?<![\w.$@/-])(?P<name>{_NAME})(?={_BEHIND})",
        _named,
        (340, 24),
    ),
    Rule(
        # D. S. Panwar, P.Vikram: in prose only names have this form.
        "PERSON",
        rf"(?:^|[^\w.$@/#-])(?:[A-Z]\.[ ]?){{1,4}}{CAPITAL_BYTE}[a-z\x80-\xff]",
        rf"(?<![\w.$@/#-])(?P<name>(?:[A-Z]\.[ ]?){{1,4}}(?P<family>[{CAPITALS}][^\W\d_A-Z]{{2,24}}(?:[-'’][{CAPITALS}]?[^\W\d_]{{1,20}})?))(?![\w(=\[/\\]|\.\w)",
        _initialled,
        (24, 90),
    ),
)
