"""User names outside of paths: listings, prompts, environments and credentials in URLs; authors in git."""

from __future__ import annotations

import re

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


ACCOUNT_RULES = (
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
