"""User names outside of paths: listings, prompts, environments and credentials in URLs; authors in git."""

from __future__ import annotations

import re

from transforms.deid.lexicon import is_clear_first_name, is_common_word
from transforms.deid.rules import Rule, Verdict, after, before
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


def _handle(found: re.Match[str]) -> Verdict | None:
    """A name on a network: with a digit or a sign in it, or an @ before it; "my twitter is down" has none."""
    name = found.group("user")
    signed = before(found, 1, "user") == "@" or re.search(r"[\d_]|\w\.\w", name)
    if not signed or re.search(r"(?i)\.(?:com|org|net|io|py|js|ts|md|txt|json|ya?ml)\Z", name):
        return None
    return _account(found)


def _assigned(found: re.Match[str]) -> Verdict | None:
    name = found.group("user")
    return None if is_common_word(name) or name in _SUBJECTS else _account(found)


def _mentioned(found: re.Match[str]) -> Verdict | None:
    """A handle that begins with a given name, and goes on: @mike_j, @SarahLee99; a name alone is a decorator's, too."""
    name = re.match(r"[A-Za-z][a-z]{2,}", found.group("user"))
    return _account(found) if name and is_clear_first_name(name.group()) else None


def _logged(found: re.Match[str]) -> Verdict | None:
    """A user among a log line's fields; in a call such as get(user=current) the others are apart by commas."""
    alone = re.search(r"[\w.-]=[^\s,()]*[ \t]\Z", before(found, 80)) or re.match(
        r"[ \t]+[\w.-]{1,40}=[^\s,()]", after(found, 48)
    )
    return _account(found) if alone else None


#: What comments put where a name may stand.
_SUBJECTS = frozenset(
    (
        "perf api ui ux db docs doc i18n l10n a11y auth infra refactor typing types deps config backend frontend tests "
        "lint sql http https async impl todo gpu cpu mem regex parser compat cli sdk tls ssl ipv6 utf8 migration"
    ).split()
)
#: Words by which people introduce what they are called on a network.
_NETWORKS = (
    r"twitter|insta(?:gram)?|ig|tik ?tok|snap(?:chat)?|telegram|discord|mastodon|bluesky|threads|reddit|github|gitlab|"
    r"facebook|fb|linkedin|skype|twitch|steam|psn|xbox|gamertag|venmo|cash ?app"
)

ACCOUNT_RULES = (
    Rule(
        # Fields of a log: user=jdoe ip=81.2.69.142.
        "USERNAME",
        r"(?i)\b(?:user|user_?name|login|ruser|account|usr)=[a-z]",
        re.compile(
            r"(?<![\w.(,-])(?i:user|user_?name|login|ruser|account|usr)=(?P<user>[A-Za-z][\w.@\\-]{1,31})(?![^\s;])"
        ),
        _logged,
        (100, 90),
    ),
    Rule(
        # What sshd, login and PAM say.
        "USERNAME",
        r"(?:Accepted|Failed) [a-z/-]+ for |(?:[Ii]nvalid|illegal) user |session (?:opened|closed) for user |authenticating user ",
        re.compile(
            r"(?:(?:Accepted|Failed) [a-z/-]{1,24} for (?:invalid user |illegal user )?|(?:[Ii]nvalid|illegal) user |"
            r"session (?:opened|closed) for user |authenticating user )(?P<user>[A-Za-z_][\w.-]{1,31})(?=[ ,(]|\s|\Z)"
        ),
        _account,
        (48, 48),
    ),
    Rule(
        # my twitter is @danielle_codes; insta: dani.k_92
        "USERNAME",
        rf"(?i)\b(?:{_NETWORKS})(?: ?(?:handle|name|account|user(?:name)?|id))?(?: is| as| at| ?:)? ?(?:@[a-z0-9]|[a-z0-9._-]{{0,38}}[0-9_.])",
        re.compile(
            rf"(?i:\b(?:my|our|his|her|their|add me on|find me on|follow me on|message me on|dm me on) (?:{_NETWORKS})(?: ?(?:handle|name|account|"
            rf"user(?:name)?|id))?(?: is| ?:| as| at)? ?@?|(?<![\w/.@-])(?:{_NETWORKS})(?: ?(?:handle|user(?:name)?))? ?: ?@?|"
            rf"(?<![\w/.@-])(?:{_NETWORKS})(?: handle)? (?=@))@?(?P<user>[A-Za-z0-9][\w.-]{{2,38}}\w)(?![\w@/(]|://)"
        ),
        _handle,
        (80, 60),
    ),
    Rule(
        # Who has to do it, as comments say it.
        "USERNAME",
        r"(?:TODO|FIXME|XXX|HACK)\([a-z]",
        re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\((?P<user>[a-z][a-z0-9._-]{2,31})\)"),
        _assigned,
        (12, 40),
    ),
    Rule(
        "USERNAME",
        r"(?:^|[^A-Za-z0-9_/.@-])@[A-Za-z][a-z]+[A-Z0-9_]",
        re.compile(r"(?<![\w/.@-])@(?P<user>[A-Za-z][a-z]{2,20}(?:[A-Z0-9_]\w{0,20}))(?![\w/(.@-]\w|[(/])"),
        _mentioned,
        (50, 50),
    ),
    Rule(
        # Pages that are a person's by what they are.
        "USERNAME",
        r"(?i)linkedin\.com/in/[\w%]|snapchat\.com/add/\w|(?:venmo\.com/u|cash\.app)/\$?\w",
        re.compile(
            r"(?i:\blinkedin\.com/in/|\bsnapchat\.com/add/|\bvenmo\.com/u/|\bcash\.app/)\$?(?P<user>[\w%-]{2,100})"
        ),
        _account,
        (24, 110),
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
