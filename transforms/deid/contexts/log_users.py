"""User names in the messages of programs: sudo, su, sshd, PAM, cron, databases, git hosts, mail servers, ps, who."""

from __future__ import annotations

import re

from transforms.deid.people.lexicon import (
    is_clear_first_name,
    is_common_word,
    is_dictionary_word,
    is_listed,
    last_names,
)
from transforms.deid.rules.accounts import account
from transforms.deid.rules.rule import Rule, Verdict

_USER = r"(?P<user>[A-Za-z_][\w.-]{1,31})"

#: What precedes the user name, for Hyperscan and Python alike, and what has to follow it.
_MESSAGES: tuple[tuple[str, str], ...] = (
    (r"\bsudo(?:\[\d+\])?: {1,4}", r"(?= : )"),
    (r"\bsu(?:\[\d+\])?: (?:\(to \w+\) |pam_unix\(su[^)]*\): )?", r"(?= on | to | : |\s)"),
    (r"\bCRON\[\d+\]: \(", r"(?=\) )"),
    (r"\bfor (?:user|role|login|account) [\"'`]", r"(?=[\"'`])"),
    (r"\b(?:user|role|login|account|principal) [\"'`]", r"(?=[\"'`])"),
    (r"\bfor user ", r"(?=[\s.,;:(]|\Z)"),
    (
        r"\b(?:New session [\w-]+ of user|Removed session [\w-]+ of user|session closed for user|logged in as|logged in user|login as|signed in as|authenticated as|"
        r"Disconnected from user|Connection closed by user|Connection reset by user|Postponed publickey for|changed password for|"
        r"password changed for|added by|owned by user|user logged in:|Login failed for user|Logon failure for) [\"']?",
        r"(?=[\s.,;:\"'(]|\Z)",
    ),
    (r"\b[Dd]enied (?:to|for) (?:user )?", r"(?=[.\s]|\Z)"),
    (r"\b(?:logname|ruser|sasl_username|suser|duser)=[\"<]?", r"(?=[\">\s,;]|\Z)"),
    (r"[.:;\]] {1,3}(?:[\w.-]+=[^\s(]* +){0,8}(?:user|usr|acct|login|username)=", r"(?=\s*(?:\n|\Z))"),
    (r"\bLogin: user=<", r"(?=>)"),
    (r"\bwhoami\r?\n", r"(?=\r?\n|\Z)"),
    (r"\bHi ", r"(?=! You've successfully authenticated)"),
    (r"\bWelcome to (?:GitLab|Gitea|Forgejo|Gerrit),? @?", r"(?=!)"),
    (r"\b[Mm]erge pull request #\d+ from ", r"(?=/)"),
    (r"\bnew user: name=", r"(?=,)"),
    (
        r"\b(?:adduser|useradd|userdel|usermod|passwd|chage|gpasswd)(?: -[\w-]+(?: [\w/,.]+)?){0,4} ",
        r"(?=\s*(?:\n|\Z|&&))",
    ),
)


def _logged(found: re.Match[str]) -> Verdict | None:
    name = found.group("user")
    word = name.rstrip(".")
    if is_dictionary_word(word) or (is_common_word(word) and not is_listed(word)):
        return None
    if name[0].isupper() and not re.search(r"[a-z].*[\d_.]", name):
        return None
    return account(found)


def _named(found: re.Match[str]) -> Verdict | None:
    """The user of a page or repository, if the name is made of a person's names. Organisations have pages, too."""
    return account(found) if made_of_names(found.group("user")) else None


def made_of_names(login: str) -> bool:
    """True for a given name followed by a family name, an initial or digits: emilyjohnson, hannah.brown.77, mike_j2."""
    letters = re.sub(r"[\d_.-]+\Z", "", login).lower()
    parts = [part for part in re.split(r"[._-]", letters) if part]
    if len(parts) > 1:
        return is_clear_first_name(parts[0]) and (len(parts[1]) == 1 or parts[-1] in last_names())
    for cut in range(3, len(letters) - 2):
        if is_clear_first_name(letters[:cut]) and letters[cut:] in last_names() and len(letters) > 7:
            return True
    return False


def _handle(found: re.Match[str]) -> Verdict | None:
    first = re.split(r"[._]", found.group("user"))[0]
    return None if is_common_word(first) and not re.search(r"\d", found.group("user")) else account(found)


LOG_USER_RULES = (
    *(
        Rule("USERNAME", rf"{before}[A-Za-z_]", rf"{before}{_USER}{after}", _logged, (120, 80))
        for before, after in _MESSAGES
    ),
    Rule(
        # MySQL: 'name'@'host'.
        "USERNAME",
        r"'[A-Za-z_][\w.-]{1,31}'@'",
        rf"'{_USER}'@'",
        _logged,
        (48, 4),
    ),
    Rule(
        # ps aux: user, pid, %cpu, %mem.
        "USERNAME",
        r"(?:^|\n)[a-z_][\w.+-]{1,31} +\d+ +\d+\.\d +\d+\.\d ",
        rf"(?<![^\n]){_USER}\+? {{1,16}}\d{{1,8}} {{1,6}}\d{{1,3}}\.\d {{1,6}}\d{{1,3}}\.\d ",
        _logged,
        (80, 8),
    ),
    Rule(
        # who, w and last: user, terminal.
        "USERNAME",
        r"(?:^|\n)[a-z_][\w.-]{1,31} +(?:pts/\d|tty\w)",
        rf"(?<![^\n]){_USER} {{1,16}}(?:pts/\d|tty\w)",
        _logged,
        (64, 8),
    ),
    Rule(
        # Access logs: address, identity, user, time.
        "USERNAME",
        r"\d - [A-Za-z_][\w.@-]{1,63} \[\d",
        r"(?<=\d) - (?P<user>[A-Za-z_][\w.@-]{1,63}) \[\d",
        _logged,
        (80, 4),
    ),
    Rule(
        # Mentions of Jira, and names of Skype.
        "USERNAME",
        r"\[~[A-Za-z]|\blive:\.?[A-Za-z]",
        r"(?:\[~(?:accountid:)?|\blive:\.?(?:cid\.)?)(?P<user>[A-Za-z][\w.-]{2,40})(?![\w@/])",
        _handle,
        (24, 48),
    ),
    Rule(
        # Discord (before 2023), Reddit, and profile pages.
        "USERNAME",
        r"[\w.]#\d{4}\b",
        r"(?<![\w#/.])(?P<user>[A-Za-z][\w.]{2,31}#\d{4})(?![\w.-])",
        _handle,
        (48, 4),
    ),
    Rule(
        "USERNAME",
        r"(?:^|[\s(/])/?u/\w",
        r"(?:(?<![^\s(])/?|(?<=reddit\.com/))u(?:ser)?/(?P<user>[\w-]{3,20})(?![\w/-])",
        _handle,
        (24, 28),
    ),
    Rule(
        "USERNAME",
        r"(?i)(?:facebook|fb|instagram|twitter|x|tiktok|threads|github|gitlab|medium|youtube|twitch|t|mastodon\.social|bsky)\.(?:com|net|me|tv|app|social)/@?\w",
        r"(?i:\b(?:facebook|fb|instagram|twitter|tiktok|threads|github|gitlab|medium|youtube|twitch)\.(?:com|net|tv)/@?)(?P<user>[A-Za-z][\w.-]{3,49})",
        _named,
        (64, 60),
    ),
    Rule(
        "USERNAME",
        r"(?i)\b(?:dm|message|msg|ping|find|add|follow|reach|contact|hit)(?: me| us| him| her| them)?(?: up)?(?: at| on| as|:)? @\w",
        r"(?i:\b(?:dm|message|msg|ping|find|add|follow|reach|contact|hit)(?: me| us| him| her| them)?(?: up)?(?: at| on| as|:)?) @(?P<user>[\w.]{2,30})(?![\w/(@-])",
        _handle,
        (48, 40),
    ),
)
