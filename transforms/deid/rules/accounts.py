"""User names outside of paths: directory listings, prompts, environments, credentials in URLs, git
authors.
"""

from __future__ import annotations

import re

from transforms.deid.evidence import LIKELY
from transforms.deid.people.lexicon import is_common_word
from transforms.deid.rules.places import GENERIC_USERS
from transforms.deid.rules.rule import Rule, Verdict, after, before

#: Service accounts.
_SERVICE_USERS = frozenset(
    (
        "redis mongo mysql mariadb elastic rabbitmq oauth2 token x-access-token api apikey anonymous nobody daemon "
        "systemd-resolve messagebus syslog sshd staff wheel dba sa airflow superset grafana nginx apache tomcat "
        "hadoop spark kafka ftp mail hostname host localhost sudo su id name login db database"
    ).split()
)


def account(found: re.Match[str]) -> Verdict | None:
    name = found.group("user")
    lowered = name.lower()
    if lowered in GENERIC_USERS or lowered in _SERVICE_USERS or not re.search(r"[^\W\d_]", name):
        return None
    return found.start("user"), found.end("user"), LIKELY


def _assigned(found: re.Match[str]) -> Verdict | None:
    name = found.group("user")
    return None if is_common_word(name) or name in _SUBJECTS else account(found)


def _logged(found: re.Match[str]) -> Verdict | None:
    """A user in the fields of a log line, but not an argument of a call: get(user=current)."""
    alone = re.search(r"[\w.-]=[^\s,()]*[ \t]\Z", before(found, 80)) or re.match(
        r"[ \t]+[\w.-]{1,40}=[^\s,()]", after(found, 48)
    )
    return account(found) if alone else None


#: Topics that TODO comments name instead of a person.
_SUBJECTS = frozenset(
    (
        "perf api ui ux db docs doc i18n l10n a11y auth infra refactor typing types deps config backend frontend tests "
        "lint sql http https async impl todo gpu cpu mem regex parser compat cli sdk tls ssl ipv6 utf8 migration"
    ).split()
)
ACCOUNT_RULES = (
    Rule(
        # Fields of a log: user=jdoe ip=81.2.69.142.
        "USERNAME",
        r"(?i)\b(?:user|user_?name|login|ruser|account|usr)=[a-z]",
        r"(?<![\w.(,-])(?i:user|user_?name|login|ruser|account|usr)=(?P<user>[A-Za-z][\w.@\\-]{1,31})(?![^\s;])",
        _logged,
        (100, 90),
    ),
    Rule(
        # Messages of sshd, login and PAM.
        "USERNAME",
        r"(?:Accepted|Failed) [a-z/-]+ for |(?:[Ii]nvalid|illegal) user |session (?:opened|closed) for user |authenticating user ",
        (
            r"(?:(?:Accepted|Failed) [a-z/-]{1,24} for (?:invalid user |illegal user )?|(?:[Ii]nvalid|illegal) user |"
            r"session (?:opened|closed) for user |authenticating user )(?P<user>[A-Za-z_][\w.-]{1,31})(?=[ ,(]|\s|\Z)"
        ),
        account,
        (48, 48),
    ),
    Rule(
        # The owner of a public key, in its comment.
        "USERNAME",
        r"(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d+) AAAA",
        r"\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-nistp\d{3}) AAAA[A-Za-z0-9+/]{8,1200}={0,3} (?P<user>[A-Za-z_][\w.-]{1,31})@[\w.-]",
        account,
        (28, 1_300),
    ),
    Rule(
        # The assignee of a comment: TODO(jdoe).
        "USERNAME",
        r"(?:TODO|FIXME|XXX|HACK)\([a-z]",
        r"\b(?:TODO|FIXME|XXX|HACK)\((?P<user>[a-z][a-z0-9._-]{2,31})\)",
        _assigned,
        (12, 40),
    ),
    Rule(
        # ls -l: mode, links, owner.
        "USERNAME",
        r"[-dlbcps][rwxsStT-]{9}[@+.]?\s+\d+\s",
        r"[-dlbcps][rwxsStT-]{9}[@+.]?\s{1,4}\d{1,6}\s{1,4}(?P<user>[A-Za-z_][\w.-]{1,31})\s",
        account,
        (40, 60),
    ),
    Rule(
        # A shell prompt: jdoe@laptop:~/src$ and [jdoe@web-1 ~]$.
        "USERNAME",
        r"[A-Za-z0-9_]@[\w.-]+(?::[~/]|\s~?[\w/.-]*\]? ?[$#%]\s)",
        r"(?<![\w.@\\-])(?P<user>[A-Za-z_][\w.-]{1,31})@[\w.-]{1,63}(?=:[~/][^\s$#%]{0,200}[$#%](?:\s|\Z)|\s~?[\w/.-]{0,100}\]? ?[$#%]\s)",
        account,
        (140, 240),
    ),
    Rule(
        "USERNAME",
        r"\b(?:(?:SUDO_)?USER(?:NAME)?|LOGNAME|GIT_(?:AUTHOR|COMMITTER)_NAME)=|uid=\d+\(|sudo -u ",
        r"(?:\b(?:(?:SUDO_)?USER(?:NAME)?|LOGNAME)=[\"']?|\buid=\d{1,10}\(|\bsudo -u )(?P<user>[A-Za-z_][\w.-]{1,31})",
        account,
        (40, 60),
    ),
    Rule(
        # User info of a URL (RFC 3986, 3.2.1).
        "USERNAME",
        r"://[^\s/@:]+(?::[^\s/@]*)?@",
        r"://(?P<user>[A-Za-z_][\w.-]{1,63})(?::[^\s/@,\"'<>]{0,256})?@[\w.\[-]",
        account,
        (400, 40),
    ),
    Rule(
        "PERSON",
        r"user\.name",
        r"\buser\.name[\"']?\s{0,3}=?\s{0,3}[\"'](?P<user>[^\W\d_][^\n\"'<>@$]{1,60})(?=[\"'])",
        account,
        (16, 100),
    ),
)
