"""User names outside of paths: listings, prompts, environments and credentials in URLs; authors in git."""

from __future__ import annotations

import re

from transforms.deid.lexicon import is_common_word
from transforms.deid.rules import Rule, Verdict
from transforms.deid.rules_places import GENERIC_USERS

#: Accounts of services that stand where a person's could.
_SERVICE_USERS = frozenset(
    (
        "redis mongo mysql mariadb elastic rabbitmq oauth2 token x-access-token api apikey anonymous nobody daemon "
        "systemd-resolve messagebus syslog sshd staff wheel dba sa airflow superset grafana nginx apache tomcat "
        "hadoop spark kafka ftp mail hostname host localhost sudo su id name login db database"
    ).split()
)


def _account(found: re.Match[str]) -> Verdict | None:
    name = found.group("user")
    lowered = name.lower()
    if lowered in GENERIC_USERS or lowered in _SERVICE_USERS or not re.search(r"[^\W\d_]", name):
        return None
    return found.start("user"), found.end("user"), 0.7


#: What begins with @ at the start of a file and is nobody: annotations, style sheets, batch files, diagrams.
_ANNOTATIONS = frozenset(
    (
        "override param params inheritdoc deprecated suppresswarnings charset startuml enduml font-face "
        "dataclass pytest staticmethod classmethod abstractmethod autowired interface todo nonnull nullable"
    ).split()
)
_SAYS = (
    r"(?: (?:pointed out|says?|said|suggest(?:s|ed)|mention(?:s|ed)|noted|wrote|commented|answered|posted|replied|asked|told|"
    r"explain(?:s|ed)|thinks)\b|(?:'s|’s|s') (?:answer|comment|solution|suggestion|post|question|idea|reply|tweet|account)\b)"
)


def _handle(found: re.Match[str]) -> Verdict | None:
    name = found.group("user")
    if name.lower() in _ANNOTATIONS or is_common_word(name):
        return None
    return _account(found)


ACCOUNT_RULES = (
    Rule(
        # Whom a post passes on, thanks or greets; a blank behind the @ as tokenised corpora have it.
        "USERNAME",
        r"(?i)\b(?:rt:?|via|h/t|cc|thanks|thank you|thanks to|thx|hey|hi|hello|follow|congrats|dm|credits? to|according to|as per|(?:said|suggested|posted|answered|mentioned|noted|written|reported) by) @ ?[A-Za-z0-9_]",
        re.compile(
            r"(?i)\b(?:rt:?|via|h/t|cc|thanks|thank you|thanks to|thx|hey|hi|hello|follow|congrats|dm|credits? to|according to|as per|(?:said|suggested|posted|answered|mentioned|noted|written|reported) by) @ ?(?P<user>[A-Za-z0-9_]{2,30})(?![\w/@(-]|\.\w)"
        ),
        _handle,
        (24, 40),
    ),
    Rule(
        # Who said something: "@jdoe pointed out", "@jdoe's answer".
        "USERNAME",
        rf"@[A-Za-z0-9_]{{2,30}}{_SAYS}",
        re.compile(rf"(?<![\w@])@(?P<user>[A-Za-z0-9_]{{2,30}})(?={_SAYS})"),
        _handle,
        (64, 4),
    ),
    Rule(
        # Whom a post answers: it begins with them.
        "USERNAME",
        r"@ ?[A-Za-z0-9_]{2,30} ?[,:]? [A-Za-z'\"]",
        re.compile(r"\A\s{0,4}(?:\. ?)?@ ?(?P<user>[A-Za-z0-9_]{2,30})(?= ?[,:]? [A-Za-z'\"])"),
        _handle,
        (48, 8),
    ),
    Rule(
        # ls -l: mode, links, owner.
        "USERNAME",
        r"[-dlbcps][rwxsStT-]{9}[@+.]?\s+\d+\s",
        re.compile(r"[-dlbcps][rwxsStT-]{9}[@+.]?\s{1,4}\d{1,6}\s{1,4}(?P<user>[A-Za-z_][\w.-]{1,31})\s"),
        _account,
        (40, 60),
    ),
    Rule(
        # A shell's prompt: jdoe@laptop:~/src$ and [jdoe@web-1 ~]$.
        "USERNAME",
        r"[A-Za-z0-9_]@[\w.-]+(?::[~/]|\s~?[\w/.-]*\]? ?[$#%]\s)",
        re.compile(
            r"(?<![\w.@\\-])(?P<user>[A-Za-z_][\w.-]{1,31})@[\w.-]{1,63}(?=:[~/][^\s$#%]{0,200}[$#%](?:\s|\Z)|\s~?[\w/.-]{0,100}\]? ?[$#%]\s)"
        ),
        _account,
        (140, 240),
    ),
    Rule(
        "USERNAME",
        r"\b(?:(?:SUDO_)?USER(?:NAME)?|LOGNAME|GIT_(?:AUTHOR|COMMITTER)_NAME)=|uid=\d+\(|sudo -u ",
        re.compile(
            r"(?:\b(?:(?:SUDO_)?USER(?:NAME)?|LOGNAME)=[\"']?|\buid=\d{1,10}\(|\bsudo -u )(?P<user>[A-Za-z_][\w.-]{1,31})"
        ),
        _account,
        (40, 60),
    ),
    Rule(
        # User info of a URL (RFC 3986, 3.2.1).
        "USERNAME",
        r"://[^\s/@:]+(?::[^\s/@]*)?@",
        re.compile(r"://(?P<user>[A-Za-z_][\w.-]{1,63})(?::[^\s/@,\"'<>]{0,256})?@[\w.\[-]"),
        _account,
        (400, 40),
    ),
    Rule(
        "PERSON",
        r"user\.name",
        re.compile(
            r"\buser\.name[\"']?\s{0,3}=?\s{0,3}[\"'](?P<user>[^\W\d_][^\n\"'<>@$]{1,60})(?=[\"'])",
        ),
        _account,
        (16, 100),
    ),
)
