"""People by the words beside their names: greetings, closings, introductions, relations, trailers, speakers.

One line of `_CUES` is one context. The context decides, not the lists: a word that is both a name and a
common word is a person there, too.
"""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from transforms.deid.contexts.name_words import ANY, CLEAR, LISTED, NAME, SCORES, accepted
from transforms.deid.rules.rule import Rule, Verdict
from transforms.deid.text.casing import CAPITAL_BYTE

_MOST = 120
_NOT_BEHIND = r"(?![\w(=\[/\\@]|\.\w|-\w|['’]\w{3})"
_END = r"(?=[ \t]*(?:[,.!?;:)\n\r…]|\\n|\Z|[-–—] | and | & ))"


class Cue(NamedTuple):
    """A context: an expression for Hyperscan and Python before the name, what it asks, and what follows."""

    before: str
    asks: str = ANY
    after: str = ""
    #: Before the cue: anything but a word, or only the beginning of a line.
    line: bool = False


KIN = (
    r"husband|wife|hubby|wifey|spouse|partner|boyfriend|girlfriend|fianc(?:e|\xc3\xa9)e?|bf|gf|mother|father|mom|mum|dad|son|daughter|"
    r"kid|child|brother|sister|sis|cousin|aunt|auntie|uncle|nephew|niece|grandma|grandpa|grandmother|grandfather|grandson|"
    r"granddaughter|stepson|stepdaughter|stepmom|stepdad|twin|godson|goddaughter|(?:mother|father|sister|brother|son|daughter)-in-law|"
    r"friend|bestie|best friend|buddy|roommate|flatmate|housemate|neighbou?r|boss|manager|supervisor|colleague|coworker|co-worker|"
    r"teammate|mentor|mentee|intern|assistant|secretary|nanny|babysitter|tutor|teacher|coach|professor|advisor|landlord|landlady|"
    r"tenant|doctor|dentist|therapist|lawyer|attorney|accountant|realtor|classmate|ex|ex-wife|ex-husband|ex-boyfriend|ex-girlfriend|"
    r"crush|date|baby|toddler|cto|ceo|cfo|coo|pm|tech lead|team lead|product owner|client|patient"
)
_WHO = (
    r"guy|man|woman|girl|boy|kid|person|lady|gentleman|dude|chap|friend|colleague|coworker|student|teacher|child|baby|cousin|neighbou?r|"
    r"employee|intern|patient|client|customer|user|someone|somebody|son|daughter|brother|sister|wife|husband|dog|cat"
)
_CLOSING = (
    r"(?:(?:kind|best|warm|warmest|kindest) )?regards|best|best wishes|all the best|cheers|thanks(?: again)?|thank you|many thanks|thx|"
    r"sincerely(?: yours)?|yours(?: sincerely| truly| faithfully)?|respectfully|cordially|warmly|love|lots of love|hugs|xoxo|take care|"
    r"talk soon|see you|gratefully|br|rgds|ciao|mit freundlichen gr[^ ]{2,4}en|viele gr[^ ]{2,4}e|cordialement|saludos"
)
_BY = (
    r"(?:review|approv|request|report|submitt|creat|prepar|assign|written|author|co-author|coauthor|sign|acknowledg|ack|test|suggest|"
    r"mentor|handl|own|edit|post|present|taught|verifi|merg|maintain|cover|help|develop|design|compil)(?:ed)?"
    r"(?:-off)?[ -]by"
)
_ASSIGNED = r"assigned(?: to)?|assignees?|assign to|cc|bcc|attn|attention|attendees?|participants|poc|point of contact|on call|on-call|oncall"
_VERBS = (
    r"ask|asked|asking|remind|email|emailed|ping|pinged|text|texted|phone|phoned|thank|invite|invited|met|"
    r"message|messaged|dm|notify|loop in|talk(?:ed|ing)? (?:to|with)|spoke (?:to|with)|speak (?:to|with)|"
    r"chat(?:ted)? with|check(?:ed)? with|reach out to|reached out to|according to|heard from|hear from|love you,|miss you,|"
    r"sorry,|waiting (?:on|for)|reports? to|married|dating|divorced|babysit|hired|fired|interviewed|cc'?d"
)
_STARTS = (
    r"(?:hi|hey|hello|did|do|does|can|could|are|is|was|i|i'm|im|you|yes|no|yeah|yep|nope|ok|okay|thanks|thx|lol|what|when|where|why|how|"
    r"anyone|who|sure|haha|we|let|let's|please|pls|sorry|so|but|and|just|it|that|not|same|maybe|any|has|have|will|would|should|got|"
    r"nice|good|great|cool|done|wait|hmm+|oh|omg|idk|looks?|on it|works|lgtm|\+1)\b"
)
_TIME = r"(?:\[?(?:\d{1,4}[./-]\d{1,2}[./-]\d{1,4},?[ T])?\d{1,2}:\d\d(?::\d\d)?(?: ?[AaPp]\.?[Mm]\.?)?\]?(?: -)?)"

_CUES: tuple[Cue, ...] = (
    # Greetings, closings.
    Cue(
        r"(?:hi|hello|hey|hiya|heya|howdy|dear|yo|morning|good (?:morning|afternoon|evening|day)|greetings|hallo|hola|bonjour|ciao|"
        r"liebe[rs]?|welcome|congrats|congratulations|happy birthday|goodbye|bye|goodnight|good night),? "
    ),
    Cue(
        r"(?:thanks|thank you|thx|sorry|yes|no|ok|okay|sure|agreed|exactly|listen|look|please|well|so),? ",
        LISTED,
        _END,
        line=True,
    ),
    Cue(
        r"(?:thanks|thank you|love you|miss you|sorry|help|see you|good ?night|happy birthday), ",
        LISTED,
        _END,
    ),
    Cue(
        rf"(?:{_CLOSING})[,!.]?[ \t]*\r?\n(?:[ \t]*\r?\n)?[ \t]*(?:[-~]+ ?)?",
        ANY,
        r"(?=[ \t]*[.!]?(?:\r?\n|\Z|,| \|))",
        line=True,
    ),
    Cue(rf"(?:{_CLOSING})[,!] ", ANY, r"(?=[ \t]*[.!]?(?:\r?\n|\Z))"),
    Cue(r"(?:\xe2\x80\x94|\xe2\x80\x93|--|~) ?", LISTED, r"(?=[ \t]*(?:\r?\n|\Z))", line=True),
    # Introductions.
    Cue(
        r"(?:my|his|her|their|the|your|patient'?s?|client'?s?|first|given|full|last|real|maiden) name(?:'s|\xe2\x80\x99s| is| was|:) "
    ),
    Cue(
        r"(?:call me|i am called|i go by|goes by|known as|the name(?:'s| is)|you can call (?:me|him|her)|this is mr?s?\.?) "
    ),
    Cue(
        r"(?:i'm|i\xe2\x80\x99m|i am|im) ",
        ANY,
        r"(?=,| from | and (?:I\b|this|my|we)| here\b| with |[.!]?(?:\n|\Z)|\.)",
    ),
    Cue(
        r"(?:this is|it'?s|it is) ",
        ANY,
        r"(?=,? (?:from|speaking|here|again|at|calling|writing|and I)\b|, (?:I|we|my|the|your|a)\b|[.!]\Z)",
    ),
    Cue(rf"(?:{_WHO})(?: was| is|,)? (?:named|called|by the name of) "),
    Cue(r"(?:named|name[sd]? (?:him|her|them|the baby)|by the name of) ", LISTED),
    # Relations.
    Cue(
        rf"(?:my|our|his|her|their|your)(?: [a-z-]{{2,14}}){{0,2}} (?:{KIN})s?(?:,|:|'s name is| is named| is called)? "
    ),
    Cue(r"(?:friend|colleague|cousin|coworker|neighbou?r|son|daughter) of (?:mine|ours|his|hers),? "),
    # Roles in correspondence and commits.
    Cue(rf"{_BY}:? ", ANY, r"(?=[ \t]*(?:[,.;<(|\n\r]|\\n|\Z|\"|'| and | on | at | in | for ))"),
    Cue(rf"(?:{_ASSIGNED})[:=][ \t]*@?"),
    Cue(r"assigned to ", ANY, _END),
    Cue(r"(?:cc|attn|fao|bcc|fyi) @?", LISTED, _END),
    Cue(r"(?:hi|hey|hello|cc|thanks|thank you|fyi|ping|and|dear),? @"),
    Cue(r"@author[ \t:]+"),
    Cue(r"\* (?:author|copyright):? ", LISTED),
    Cue(
        r"copyright (?:\(c\) |\xc2\xa9 )?(?:\d{4}(?:-\d{4})?,? )(?:by )?",
        CLEAR,
        r"(?=[ \t]*(?:[<,.(\n\r]|\\n|\Z| and ))",
    ),
    # Verbs that have a person as object.
    Cue(
        rf"(?:{_VERBS}) ",
        ANY,
        r"(?![ -][A-Za-z]*(?:card|account|app|api|server|page|store|bank|form|file)\b)",
    ),
    Cue(
        r"(?:tell|told|call|called|meet|saw|contact|reach|visit|visited|help|hired|love|miss|hate|know) ",
        CLEAR,
        _END,
    ),
    Cue(
        r"(?:tell|told|call|called|meet|saw|visit|visited|help) ",
        LISTED,
        r"(?= (?:I|that|we|to|about|it|he|she|you|my|hi|hello|not|yesterday|today|tomorrow|tonight|again|back|asap|if)\b)",
    ),
    Cue(
        r"(?:lunch|dinner|breakfast|coffee|drinks|meeting|call|date|chat|trip|talk|interview|session|sync|standup|appointment|argument|fight|problems?|living|work(?:ing)?|"
        r"went out|in love|friends|relationship) with ",
        ANY,
        r"(?=,? (?:today|yesterday|tomorrow|tonight|about|on|at|from|and I|again|last|next|this|for|in|because|who|is|was|to)\b|[.,!?;)]|\s*\Z)",
    ),
    Cue(
        r"(?:e-?mails?|mail|messages?|texts?|calls?|letter|note|reply|answer|response|review|comments?|feedback|invite|invitation|gift|present|voicemail|dm|request) from "
    ),
    Cue(r"--[ \t]*\r?\n[ \t]*", ANY, r"(?=[ \t]*(?:\r?\n|\Z|,| \|))", line=True),
    Cue(r"@", LISTED, rf"(?= {_STARTS})", line=True),
    # Speakers.
    Cue(_TIME.replace("(?: -)?)", "(?: ?-)?)") + r" ?<?", ANY, r"(?=>? ?(?:\(\w{1,20}\))?:|> )", line=True),
    Cue(r"<", LISTED, rf"(?=> {_STARTS})", line=True),
    Cue(r"", ANY, rf"(?i:(?=: ?{_STARTS}))", line=True),
)


def _judge(cue: Cue, found: re.Match[str]) -> Verdict | None:
    """The name in a context, without the words after it that are no part of it."""
    name = found.group("name")
    words = name.split(" ")
    kept = accepted(words, cue.asks)
    if not kept or len(words[0].strip(".")) < 2 or (cue.after and kept < len(words)):
        return None
    start = found.start("name")
    end = start + len(re.sub(r"['’]s\Z", "", " ".join(words[:kept])))
    return start, end, SCORES[cue.asks]


def _rule(cue: Cue) -> Rule:
    text = decoded(cue.before)
    line = r"(?:(?<![^\n])|(?<=\\n))[ \t>*]{0,6}" if cue.line else r"(?<![\w@/.$#-])"
    exact = rf"{line}(?i:{text})(?P<name>{NAME}){_NOT_BEHIND}{cue.after}"
    start = r"(?:^|\n|\\n)[ \t>*]{0,6}" if cue.line else r"(?:^|[^\w@/.$#-])"
    behind = rf"[^\n:]{{0,60}}: ?(?i:{_STARTS})" if not cue.before else ""
    trigger = rf"{start}(?i:{cue.before}){CAPITAL_BYTE}{behind}"
    return Rule("PERSON", trigger, exact, functools.partial(_judge, cue), (_MOST, _MOST))


def decoded(expression: str) -> str:
    r"""An expression for Hyperscan (UTF-8 as \x escapes) as one for Python."""
    return re.sub(
        r"(?:\\x[0-9a-f]{2})+",
        lambda found: bytes.fromhex(found.group().replace("\\x", "")).decode("utf-8"),
        expression,
    )


CUE_RULES = tuple(_rule(cue) for cue in _CUES)
