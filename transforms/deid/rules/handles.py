"""Handles on social networks: mentioned in replies, reposts and thanks, and the author's own."""

from __future__ import annotations

import re

from transforms.deid.people.lexicon import is_clear_first_name, is_common_word
from transforms.deid.rules.accounts import account
from transforms.deid.rules.rule import Rule, Verdict, before

#: Words after an @ at the start of a file that are not a user: annotations, style sheets, batch files, diagrams.
_ANNOTATIONS = frozenset(
    (
        "override param params inheritdoc deprecated suppresswarnings charset startuml enduml font-face "
        "dataclass pytest staticmethod classmethod abstractmethod autowired interface todo nonnull nullable"
    ).split()
)
#: Words with which a post forwards, thanks or greets a user.
_PASSES_ON = (
    r"(?:rt:?|via|h/t|cc|thanks|thank you|thanks to|thx|hey|hi|hello|follow|"
    r"congrats|dm|credits? to|according to|as per|(?:said|suggested|posted|answered|mentioned|noted|written|reported) by)"
)
_SAYS = (
    r"(?: (?:pointed out|says?|said|suggest(?:s|ed)|mention(?:s|ed)|noted|wrote|commented|answered|posted|replied|asked|told|"
    r"explain(?:s|ed)|thinks)\b|(?:'s|’s|s') (?:answer|comment|solution|suggestion|post|question|idea|reply|tweet|account)\b)"
)


def _handle(found: re.Match[str]) -> Verdict | None:
    name = found.group("user")
    if name.lower() in _ANNOTATIONS or is_common_word(name):
        return None
    return account(found)


def _own_handle(found: re.Match[str]) -> Verdict | None:
    """A user name that contains a digit or a sign, or follows an @. "my twitter is down" has none."""
    name = found.group("user")
    signed = before(found, 1, "user") == "@" or re.search(r"[\d_]|\w\.\w", name)
    if not signed or re.search(r"(?i)\.(?:com|org|net|io|py|js|ts|md|txt|json|ya?ml)\Z", name):
        return None
    return account(found)


def _mentioned(found: re.Match[str]) -> Verdict | None:
    """A handle that begins with a given name and continues: @mike_j, @SarahLee99.

    A given name alone is also the name of a decorator.
    """
    name = re.match(r"[A-Za-z][a-z]{2,}", found.group("user"))
    return account(found) if name and is_clear_first_name(name.group()) else None


#: Words before a person's own handle on a network.
_NETWORKS = (
    r"twitter|insta(?:gram)?|ig|tik ?tok|snap(?:chat)?|telegram|discord|mastodon|bluesky|threads|reddit|github|gitlab|"
    r"facebook|fb|linkedin|skype|twitch|steam|psn|xbox|gamertag|venmo|cash ?app"
)

HANDLE_RULES = (
    Rule(
        # The user that a post forwards, thanks or greets. Tokenised corpora have a space after the @.
        "USERNAME",
        rf"(?i)\b{_PASSES_ON} @ ?[A-Za-z0-9_]",
        rf"(?i)\b{_PASSES_ON} @ ?(?P<user>[A-Za-z0-9_]{{2,30}})(?![\w/@(-]|\.\w)",
        _handle,
        (24, 40),
    ),
    Rule(
        # The author of a statement: "@jdoe pointed out", "@jdoe's answer".
        "USERNAME",
        rf"@[A-Za-z0-9_]{{2,30}}{_SAYS}",
        rf"(?<![\w@])@(?P<user>[A-Za-z0-9_]{{2,30}})(?={_SAYS})",
        _handle,
        (64, 4),
    ),
    Rule(
        # The user that a post answers, at the start of the post.
        "USERNAME",
        r"@ ?[A-Za-z0-9_]{2,30} ?[,:]? [A-Za-z'\"]",
        r"\A\s{0,4}(?:\. ?)?@ ?(?P<user>[A-Za-z0-9_]{2,30})(?= ?[,:]? (?!(?:def|class|async|public|private|protected|static|final|abstract|func|function|const|let|var)\b)[A-Za-z'\"])",
        _handle,
        (48, 8),
    ),
    Rule(
        # my twitter is @danielle_codes; insta: dani.k_92
        "USERNAME",
        rf"(?i)\b(?:{_NETWORKS})(?: ?(?:handle|name|account|user(?:name)?|id))?(?: is| as| at| ?:)? ?(?:@[a-z0-9]|[a-z0-9._-]{{0,38}}[0-9_.])",
        (
            rf"(?i:\b(?:my|our|his|her|their|add me on|find me on|follow me on|message me on|dm me on) (?:{_NETWORKS})(?: ?(?:handle|name|account|"
            rf"user(?:name)?|id))?(?: is| ?:| as| at)? ?@?|(?<![\w/.@-])(?:{_NETWORKS})(?: ?(?:handle|user(?:name)?))? ?: ?@?|"
            rf"(?<![\w/.@-])(?:{_NETWORKS})(?: handle)? (?=@))@?(?P<user>[A-Za-z0-9][\w.-]{{2,38}}\w)(?![\w@/(]|://)"
        ),
        _own_handle,
        (80, 60),
    ),
    Rule(
        "USERNAME",
        r"(?:^|[^A-Za-z0-9_/.@-])@[A-Za-z][a-z]+[A-Z0-9_]",
        r"(?<![\w/.@-])@(?P<user>[A-Za-z][a-z]{2,20}(?:[A-Z0-9_]\w{0,20}))(?![\w/(.@-]\w|[(/])",
        _mentioned,
        (50, 50),
    ),
    Rule(
        # Addresses of profile pages.
        "USERNAME",
        r"(?i)linkedin\.com/in/[\w%]|snapchat\.com/add/\w|(?:venmo\.com/u|cash\.app)/\$?\w",
        r"(?i:\blinkedin\.com/in/|\bsnapchat\.com/add/|\bvenmo\.com/u/|\bcash\.app/)\$?(?P<user>[\w%-]{2,100})",
        account,
        (24, 110),
    ),
)
