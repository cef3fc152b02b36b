"""People by what follows their names: states and deeds of people, lists, registers."""

from __future__ import annotations

import re

from transforms.deid.contexts.cues import KIN as _KIN
from transforms.deid.contexts.cues import decoded
from transforms.deid.contexts.name_words import ANY, NAME, accepted
from transforms.deid.evidence import LIKELY, LISTED_IN_CONTEXT, POSSIBLE
from transforms.deid.people.kinds import is_of_listed_kind
from transforms.deid.people.lexicon import (
    first_names,
    is_clear_first_name,
    is_common_word,
    is_dictionary_word,
    last_names,
    may_be_name,
)
from transforms.deid.rules.rule import Rule, Verdict, after, before
from transforms.deid.text.casing import CAPITAL_BYTE, CAPITALS

#: What a person is or does, after a name that is also a word, at the beginning of a sentence or clause.
_STATE = (
    r"(?:is|was|isn't|wasn't|will be|'s|has been|seems|looks) (?:late|sick|ill|here|there|coming|going|out|away|off|on (?:leave|vacation|holiday|call|it|pto)|my|our|his|"
    r"her|pregnant|angry|mad|upset|asleep|working|waiting|handling|responsible|in charge|joining|moving|leaving|getting|turning|visiting|"
    r"living|staying|crying|driving|driving|calling|busy|tired|hungry|the one|the best (?:friend|man)|bringing|taking|running late|a (?:nurse|doctor|"
    r"teacher|friend|colleague|lawyer|engineer|manager|student|developer|designer)|married|divorced|engaged|single|home|back|sorry|"
    r"worried|afraid|allergic|\d\d? (?:years? old|now|today))|"
    r"(?:has|had) (?:the (?:keys?|flu|car|code|kids|files?|password|answer|day off|meeting)|my|our|her own|his own|an? (?:cold|meeting|baby|crush|fever|doctor|new|"
    r"question|idea|appointment|job|dog|cat|sister|brother|son|daughter)|left|gone|asked|agreed|already|cancer|anorexia|diabetes|asthma|adhd|anxiety|covid)|"
    r"(?:knows|wants|needs|got|took|gave|sent|left|came|went|tried|forgot|keeps|kept|broke|filed|hates|loves|likes|bought|sold|paid|owes|lent|"
    r"invited|drove|picked|dropped|brought|helped|hurt|hit|kissed|cheated|lied|stole|quit|started|finished|merged|pushed|deployed|deleted|"
    r"can't|couldn't|didn't|doesn't|won't|wouldn't|says|said|told|asked|thinks|called|texted|emailed|stalks|stalked|lives|works|moved)(?= |[.,!?]|\Z)"
)
#: What only a person does, at the beginning of a sentence: even "Will" and "Mark" are names before it.
_DEED = (
    r"(?:swears|deserves|drinks|smokes|snores|cried|cries|laughed|apologi[sz]e[ds]|complained|complains|hugged|kissed|proposed|"
    r"graduated|retired|promised|forgave|yelled|shouted|whispered|smiled|nodded|sighed|overslept|cooked|cooks|baked|bakes|babysits|"
    r"teaches|taught|resigned|volunteered|emailed|texted|phoned|begged|bragged|blushed|sneezed|fainted|limped|shrugged|winked|prayed|"
    r"gossips|flirted|whines|nags|told (?:me|us|him|her|them|everyone)|asked (?:me|us|him|her|them|if|whether)|"
    r"thinks (?:I|you|we|he|she|they|it|that|so)|wants (?:me|us|you|him|her|to)|"
    r"needs to (?:sign|go|come|know|talk|see|rest|leave|call|sleep|eat)|"
    r"got (?:fired|promoted|married|divorced|engaged|arrested|drunk|pregnant|sick|hired)|"
    r"was (?:fired|promoted|hired|arrested|born|drunk|furious|crying|adopted)|is (?:pregnant|furious|drunk|grumpy|homesick|hungover)|"
    r"and I (?:are|were|have|had|met|went|grew|broke|both|got|used|want|need|decided|talked|worked))"
)
#: What follows the name of a person who is addressed, at the beginning of a line.
_ADDRESSED = (
    r"(?:(?:can|could|would|will|did|do|are|have|were|should) you|please|pls|thanks|thank you|let's|don't|where are|"
    r"how are|what do you)"
)
_LISTED_WITH = r"(?:are|were) (?:my|our|both|all|siblings|twins|sisters|brothers|friends|cousins|married|dating|coming|going|here|late|out|the (?:kids|parents|twins))|and I\b"
_PARTICLE = r"(?:[Vv]an(?: der| den)?|[Vv]on|[Dd]e(?: la)?|D[aiou]|Dos|[Dd]el|L[ae]|[Tt]er|Bin|Al|El|St\.?)"
_ALONE = rf"[{CAPITALS}][^\W\d_A-Z]{{2,15}}"
_LOWER_VERBS = r"(?:add|invite|loop in|cc|ping|ask|tell|email|text|call|dm|remind|thank|contact|message)"
#: Words at the beginning of a sentence that are a verb or an adverb there rather than a person.
_OPENERS = frozenset(
    "will may mark can bill grant rob sue pat drew chase chuck hunt lance skip pierce wade frank rich norm page price art".split()
)

_SEASONS = frozenset("spring summer autumn winter april may june july august dawn faith hope joy art".split())


def _standing(found: re.Match[str]) -> Verdict | None:
    """A given name that is also a word, before what only a person does."""
    name = found.group("name")
    if name.lower() in _SEASONS and after(found, 4, "name").startswith((" is ", " was")):
        return None
    if name.lower() not in first_names() or name.lower() in _OPENERS or not may_be_name(name):
        return None
    return (*found.span("name"), POSSIBLE)


def _given(found: re.Match[str]) -> Verdict | None:
    """A given name where only a person's can be."""
    name = found.group("name")
    return (*found.span("name"), POSSIBLE) if name.lower() in first_names() and may_be_name(name) else None


def _lower(found: re.Match[str]) -> Verdict | None:
    return (*found.span("name"), LIKELY) if is_clear_first_name(found.group("name")) else None


def _lower_named(found: re.Match[str]) -> Verdict | None:
    """A listed given name in lower case where only a name can be; verbs after a relation are none: my son will."""
    name = found.group("name")
    known = name in first_names() and may_be_name(name)
    return (*found.span("name"), LIKELY) if known and (name not in _OPENERS or found.group("sure")) else None


def _timed(found: re.Match[str]) -> Verdict | None:
    words = found.group("name").split(" ")
    return (*found.span("name"), LISTED_IN_CONTEXT) if accepted(words, ANY) == len(words) else None


def _lower_pair(found: re.Match[str]) -> Verdict | None:
    first, last = found.group("name").split(" ")
    known = first in first_names() and last in last_names()
    return (*found.span("name"), LIKELY) if known and may_be_name(first) and may_be_name(last) else None


def _reversed(found: re.Match[str]) -> Verdict | None:
    """A family name, a comma and a given name, as in registers. A list has other names beside it."""
    family, given = found.group("family").split(" ")[-1], found.group("given")
    beside = _NAME_BEFORE.search(before(found, 32))
    if beside is not None and (beside.group(2) or not is_dictionary_word(beside.group(1))):
        return None
    if _NAME_AFTER.match(after(found, 3)):
        return None
    if not may_be_name(family) or given.lower() not in first_names() or not may_be_name(given):
        return None
    if given.lower() in _SEASONS and family.lower() in _SEASONS:
        return None
    name = found.group("name")
    if is_of_listed_kind(name, 0, len(name)):
        return None
    listed = family.lower() in last_names()
    if is_common_word(given) and is_common_word(family):
        # Words with a comma between them: a name only where nothing else is beside it.
        alone = _CELL_BEFORE.search(before(found, 24)) and _CELL_AFTER.match(after(found, 24))
        return (*found.span("name"), LISTED_IN_CONTEXT) if listed and alone else None
    # Short words in capitals are acronyms.
    rare = not (
        is_common_word(family) or (family.isupper() and (len(family) < 5 or is_dictionary_word(family)))
    )
    sure = listed or (rare and not is_common_word(given))
    return (*found.span("name"), LISTED_IN_CONTEXT) if sure else None


#: The beginning and the end of a line, a cell or a field of a register.
_CELL_BEFORE = re.compile(
    r"(?:(?:\A|\n|\\n)[ \t]*(?:[-*] |\d{1,4}[.)]?[ \t]+)?|[|;\"\t]|"
    r"\b(?i:name|patient|student|author|employee|customer|client|member|passenger|defendant|witness|holder|contact|tenant|attendance|"
    r"seat \w{1,4}|signed by|signature|applicant|guest|speaker|attn|owner|for|from|by)[:=]?)[ \t]*\Z"
)
_CELL_AFTER = re.compile(r"[ \t]*(?:\n|\\n|\Z|[|;\"(\t.,]|[-–] )")
_NAME_BEFORE = re.compile(rf"([{CAPITALS}][\w'’.-]*)(,?) \Z")
_NAME_AFTER = re.compile(rf" [{CAPITALS}][^\W\d_.]")


STATE_RULES = (
    Rule(
        "PERSON",
        rf"(?:^|[^\w ]|[.!?,] |and |but |because |that |when |if ){CAPITAL_BYTE}[a-z\x80-\xff]{{1,30}} (?:{_STATE.replace('(?= |[.,!?]|' + chr(92) + 'Z)', '')})",
        rf"(?:(?<![^\n])|(?<=[.!?,] )|(?<=[\"“(])|(?<=\band )|(?<=\bbut )|(?<=\bbecause )|(?<=\bthat )|(?<=\bwhen )|(?<=\bif ))(?P<name>{_ALONE})(?= ?(?:{_STATE}))",
        _standing,
        (60, 40),
    ),
    Rule(
        "PERSON",
        rf"(?:^|[^\w ] ?|\b(?:and|but|because|that|when|if|since|then) ){CAPITAL_BYTE}[a-z\x80-\xff]{{1,30}} {_DEED}\b",
        rf"(?:(?<![^\n])|(?<=[.!?,:;] )|(?<=[\"“(])|(?<=\band )|(?<=\bbut )|(?<=\bbecause )|(?<=\bthat )|(?<=\bwhen )|(?<=\bif )|"
        rf"(?<=\bsince )|(?<=\bthen ))(?P<name>{_ALONE})(?= {_DEED}\b)",
        _given,
        (80, 24),
    ),
    Rule(
        "PERSON",
        rf"(?:^|\n)[ \t]{{0,4}}{CAPITAL_BYTE}[a-z\x80-\xff]{{1,30}}, {_ADDRESSED}\b",
        rf"(?<![^\n])[ \t]{{0,4}}(?P<name>{_ALONE})(?=, {_ADDRESSED}\b)",
        _given,
        (80, 8),
    ),
    Rule(
        "PERSON",
        rf"{CAPITAL_BYTE}[^\s]{{2,30}} (?:{_LISTED_WITH})",
        rf"(?<![\w.@/-])(?P<name>{_ALONE})(?=(?:, {_ALONE}){{0,5}}(?:,? (?:and|&) {_ALONE})? (?:{_LISTED_WITH}))",
        _standing,
        (140, 8),
    ),
    Rule(
        "PERSON",
        rf"(?i)\b{_LOWER_VERBS} [a-z]{{4}}",
        rf"\b(?i:{_LOWER_VERBS}) (?P<name>[a-z]{{4,20}})(?= (?:to|in|on|if|about|for|when|that|asap|please|pls|and|at|is|was|said|again|today|tomorrow|yesterday)\b|[.,!?](?:\s|\Z)|\s*\Z)",
        _lower,
        (48, 40),
    ),
    Rule(
        "PERSON",
        r"\b[a-z]{3,15} [a-z]{3,15} (?:emailed|texted|phoned|replied|called me|told me|said|asked|works|lives)\b|emailed [a-z]{3,15} [a-z]{3,15}",
        (
            r"(?<![\w.@/-])(?:(?<=emailed )|(?=[a-z]+ [a-z]+ (?:emailed|texted|phoned|replied|called me|told me|said|asked|works|lives)\b))"
            r"(?P<name>[a-z]{3,15} [a-z]{3,15})\b"
        ),
        _lower_pair,
        (64, 16),
    ),
    Rule(
        # In lower case: my name is dale, hey dale, my brother dale is ill.
        "PERSON",
        rf"(?i)(?:my (?:first )?name(?:'s|\xe2\x80\x99s| is)|call me|i'?m called|named|this is|(?:^|\n)(?:hi|hey|hello|dear|thanks|good morning)|"
        rf"\b(?:my|our|his|her|their) (?:[a-z-]{{2,12}} )?(?:{_KIN})) [a-z]{{3}}",
        (
            rf"(?:(?P<sure>\b(?i:my (?:first )?name(?:['’]s| is)|call me|i['’]?m called|named|(?:(?<![^\n])(?:hi|hey|hello|dear|thanks|good morning)(?=,? [a-z]+(?:[,!.?]|\s*$)))))|"
            rf"\b(?i:my|our|his|her|their) (?:[a-z-]{{2,12}} )?(?i:{decoded(_KIN)})),? (?P<name>[a-z]{{3,20}})"
            r"(?= (?:is|was|has|had|said|says|keeps|wants|just|and|who|told|got|to|in|at|from|i|asked|thinks|lives|works|left|called|came|went|loves|hates)\b|[,.!?](?:\s|\Z)|['’]s\b|\s*(?:\n|\Z))"
        ),
        _lower_named,
        (80, 60),
    ),
    Rule(
        # The head of a message in a chat: Dale  10:42 AM.
        "PERSON",
        r"(?:^|\n)[ \t]{0,4}[A-Z\xc3-\xc9][^\n\d]{1,40} \[?\d{1,2}:\d\d",
        rf"(?<![^\n])[ \t]{{0,4}}(?P<name>{NAME})(?= {{1,3}}\[?\d{{1,2}}:\d\d(?::\d\d)? ?(?:[AaPp][Mm])?\]?[ \t]*(?:\n|\Z))",
        _timed,
        (100, 24),
    ),
    Rule(
        # Okafor, Adaeze
        "PERSON",
        rf"(?:{CAPITAL_BYTE}[a-z\x80-\xff'-]{{1,30}}|[A-Z]{{3,20}}), {CAPITAL_BYTE}[a-z\x80-\xff]{{2}}",
        rf"(?<![\w.@/'’-])(?<![\w], )(?P<name>(?P<family>(?:{_PARTICLE} )?(?:[{CAPITALS}](?:['’]?[{CAPITALS}]?[^\W\d_A-Z]){{1,20}}(?:-[{CAPITALS}][^\W\d_]{{1,20}})?|[{CAPITALS}]{{3,20}})), (?P<given>{_ALONE})(?: [{CAPITALS}]\.)?)(?![\w(@/]|,? (?:and|or|&) [{CAPITALS}]|, [{CAPITALS}])",
        _reversed,
        (48, 60),
    ),
)
