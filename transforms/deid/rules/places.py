"""User names in paths, logs and commits, names in labelled fields, and street addresses."""

from __future__ import annotations

import re

from transforms.deid.evidence import FITTING, FORM, LIKELY, STATED
from transforms.deid.people.lexicon import is_dictionary_word, shaped_like_name
from transforms.deid.rules.rule import Rule, Verdict, before, whole

#: Home folders that do not identify a person.
GENERIC_USERS = frozenset(
    (
        "user users username youruser yourname your-username your_username name me you example foo bar "
        "baz test testuser admin administrator root ubuntu debian ec2-user centos fedora runner vscode "
        "node app appuser www www-data git docker jovyan shared public default guest local linuxbrew home "
        "codespace gitpod vagrant pi postgres jenkins circleci travis build builder ci dev developer "
        "deploy runneradmin all containeradministrator project projects src workspace index about page "
        "pages main static assets images img css js html list new settings profile login logout api id "
        "person someone anyone claude copilot bot string null none true false"
    ).split()
)
_FIELD_SKIPPED = re.compile(r"(?i)(?:bot|\[bot\]|copilot|claude|dependabot|github|noreply|string|null)\Z")
_NO_OWNERS = frozenset(
    (
        "team list lists support info group developers developer contributors authors maintainers community project "
        "inc llc ltd gmbh corp foundation security bot service services sales admin the and mail email noreply robot "
        "actions github gitlab dependabot renovate customer newsletter alerts notifications"
    ).split()
)
#: A module path, as in FIELD_FULLNAME = 'package.module.Class'.
_DOTTED_PATH = re.compile(r"\w{2}\.[a-z]\w|\w\.\w+\.")
_STREET = (
    r"St(?:reet)?|Ave(?:nue)?|R(?:oa)?d|Blvd|Boulevard|Dr(?:ive)?|L(?:a)?ne?|C(?:our)?t|Way|Pl(?:ace)?|Ter(?:race)?|"
    r"Cir(?:cle)?|Pkwy|Parkway|Hwy|Highway|Sq(?:uare)?|Loop|Trail|Crescent|Close|Grove|Row|Mews|Court|Lane|Gardens?|"
    r"Plaza|Alley|Pike|Ridge|Point|Crossing|Walk|Hill|Park|View|Common|Expressway|Turnpike|Square|Island|Isle|Junction|"
    r"Mill|Mission|Motorway|Orchard|Overpass|Path|Pass|Pine|Port|Prairie|Ranch|Rapid|Rest|River|Route|Run|Shoal|Shore|"
    r"Skyway|Spring|Spur|Station|Stravenue|Stream|Summit|Throughway|Trace|Track|Trafficway|Tunnel|Union|Valley|Viaduct"
)
_STATES = r"A[LKZR]|C[AOT]|D[CE]|FL|GA|HI|I[ADLN]|K[SY]|LA|M[ADEINOST]|N[CDEHJMVY]|O[HKR]|PA|RI|S[CD]|T[NX]|UT|V[AT]|W[AIVY]"
_WORD = r"[A-ZÀ-Þ][\w'’.-]{0,30}"
_UNIT = r"(?:,?\s(?:Apt|Apartment|Suite|Ste|Unit|Floor|Fl|#)\.?\s?[\w-]{1,8})"
_CITY = rf"(?:,?\s+{_WORD}(?:\s{_WORD}){{0,2}},?\s+(?:{_STATES})\s+\d{{5}}(?:-\d{{4}})?)"


#: What may precede /home or /Users in an absolute path: mounts, volumes, images of another system.
_PATH_BEFORE = re.compile(r"[^\s\"'`<>()\[\]{}=:,;|]*\Z")
_ROOTS = re.compile(
    r"(?:|//|/mnt(?:/\w+)?|/var|/data|/export|/nfs\w*|/net/[\w.-]+|/media(?:/[\w .-]+)?|/host\w*|/rootfs|/private|/Volumes/[\w .-]+|"
    r"/System/Volumes/Data|/usr|/run/host|/cygdrive/\w|/\w|/srv|/backups?|/old|/chroot|.*%2F|~|\.{0,3}|.*\\[nrt])\Z"
)


def _user(found: re.Match[str]) -> Verdict | None:
    name = found.group("user").rstrip(".")
    path = _PATH_BEFORE.search(before(found, 80))
    if found.group()[0] == "/" and path is not None and not _ROOTS.match(path.group()):
        return None
    if name.lower() in GENERIC_USERS or len(name) < 2 or not re.search(r"[^\W\d_]", name):
        return None
    if re.search(r"\.(?:html?|js|ts|css|png|json|md|py|php)\Z", name):
        return None
    return found.start("user"), found.start("user") + len(name), FORM


def _slug(found: re.Match[str]) -> Verdict | None:
    group = "user" if found.group("user") else "home"
    name = found.group(group)
    return None if name.lower() in GENERIC_USERS or name.isdigit() else (*found.span(group), FORM)


def _street(found: re.Match[str]) -> Verdict | None:
    """A street, unless it is an English "via" before a number: via WebSocket 4, via Step 2."""
    name = found.group("name") if found.group().startswith("via ") else None
    if name and not all(shaped_like_name(word) and not is_dictionary_word(word) for word in name.split()):
        return None
    return found.start(), found.end(), FITTING


def _field(found: re.Match[str]) -> Verdict | None:
    name = found.group("user")
    if name.lower() in GENERIC_USERS or _FIELD_SKIPPED.search(name) or _DOTTED_PATH.search(name):
        return None
    return found.start("user"), found.end("user"), LIKELY


def _owner(found: re.Match[str]) -> Verdict | None:
    """The name before a mailbox, unless it is a company, a list or a program."""
    words = set(re.findall(r"[a-z]+", found.group("user").lower()))
    return None if words & _NO_OWNERS else _field(found)


PLACE_RULES = (
    Rule(
        "USERNAME",
        r"(?:/home/|/Users/|%2F(?:home|Users)%2F)[^\s/]",
        r"(?:/home/|/Users/|%2F(?:home|Users)%2F)(?P<user>(?:[^\s/\\:\"'<>|*?,;()\[\]{}`%$&=#!@]|%20(?=\w)){1,64})",
        _user,
        (112, 280),
    ),
    Rule(
        "USERNAME",
        r"(?i)[a-z]:[\\/]{1,4}users[\\/]|\\(?:users|home)\\",
        (
            r"(?i:(?:[a-z]:[\\/]{1,4}|\\)users[\\/]{1,4}|\\home\\{1,4})"
            r"(?P<user>[^\s\\/:\"'<>|*?,;()\[\]{}`]{1,64}(?: [^\s\\/:\"'<>|*?]{1,32}){0,2}(?=[\\/])|[^\s\\/:\"'<>|*?,;()\[\]{}`]{1,64})"
        ),
        _user,
        (24, 280),
    ),
    Rule(
        "USERNAME",
        r"-(?:Users|home)-[A-Za-z0-9]",
        r"(?<![A-Za-z0-9])-(?:Users-(?P<user>[A-Za-z0-9_.]{2,40})(?=-|\b)|(?:home-(?P<home>[A-Za-z0-9_.]{2,40})(?=-)))",
        _slug,
        (20, 60),
    ),
    Rule(
        "USERNAME",
        r"(?i)(?:login|user_?name|screen_?name)\\?[\"']?\s*[:=]",
        r"(?i:\b(?:login|user_?name|screen_?name)\\?[\"']?\s{0,2}[:=]\s{0,2}\\?[\"'])(?P<user>[A-Za-z0-9][\w.-]{1,39})(?=\\?[\"'])",
        _field,
        (40, 80),
    ),
    Rule(
        "USERNAME",
        r"\b(?:ssh|scp|rsync|sftp)\s",
        r"\b(?:ssh|scp|rsync|sftp)\s[^\n@]{0,80}?(?P<user>[A-Za-z_][\w.-]{1,31})@[\w.-]",
        _field,
        (24, 160),
    ),
    Rule(
        "PERSON",
        r"(?i)(?:author|committer|co-authored-by|signed-off-by|reviewed-by|acked-by|reported-by|tested-by|from|to|cc|tagger):\s",
        (
            r"(?i:\b(?:author|committer|co-authored-by|signed-off-by|reviewed-by|acked-by|reported-by|tested-by|from|to|cc|tagger)):"
            r"[ \t]{1,8}\"?(?P<user>[^\W\d_][^\n<>\"@:;(){}\[\]]{1,48}?)\"?[ \t]{0,4}<[^\s<>@]{1,64}@[^\s<>]{1,80}>"
        ),
        _field,
        (32, 240),
    ),
    Rule(
        # The owner of a mailbox, at any place: "Carol Danvers <carol@example.com>".
        "PERSON",
        r"[^\s<>]\"? <[^\s<>@]+@",
        rf"(?<![\w.@/-])(?P<user>{_WORD}(?: (?:[A-Z]\.|[a-z]{{2,3}}|{_WORD})){{1,3}})\"? <[^\s<>@]{{1,64}}@[^\s<>]{{1,80}}>",
        _owner,
        (240, 120),
    ),
    Rule(
        # A commit trailer without a mailbox.
        "PERSON",
        r"(?i)-by:\s",
        (
            rf"(?:(?<![\w-])|(?<=\\n))(?i:co-authored|signed-off|reviewed|acked|reported|tested|suggested|helped|mentored)-(?i:by):[ \t]{{1,8}}"
            rf"(?P<user>{_WORD}(?: (?:[a-z]{{2,3}} )?{_WORD}){{1,3}})[ \t]{{0,4}}(?=\r?(?m:$)|\\[nr]|[\"'])"
        ),
        _field,
        (32, 120),
    ),
    Rule(
        "ADDRESS",
        rf"[A-Za-z.]\s(?:{_STREET})\b",
        (
            rf"(?<![\w.-])\d{{1,6}}[A-Za-z]?(?:[-/]\d{{1,4}})?,?\s(?:(?:[NSEW]|North|South|East|West)\.?\s)?(?:{_WORD}\s){{1,4}}"
            rf"(?:{_STREET})\b\.?{_UNIT}?{_CITY}?"
        ),
        whole(STATED),
        (180, 180),
    ),
    Rule(
        "ADDRESS",
        rf"\s(?:{_STATES})\s\d{{5}}",
        rf"\b{_WORD}(?:\s{_WORD}){{0,2}},?\s(?:{_STATES})\s\d{{5}}(?:-\d{{4}})?\b",
        whole(FITTING),
        (120, 16),
    ),
    Rule(
        "ADDRESS",
        r"(?i)p\.?\s?o\.?\s?box\s+\d",
        r"(?i)\bp\.?\s?o\.?\s?box\s{1,3}\d{1,9}",
        whole(STATED),
        (24, 12),
    ),
    Rule(
        "ADDRESS",
        r"(?i)(?:stra(?:ss|ß)e|str\.|platz|allee|weg|gasse|damm|ufer)\s\d|\d(?:\s?bis)?,?\s(?:rue|avenue|boulevard|place|chemin|allée)\s|"
        r"\b(?:via|calle|plaza|avenida)\s",
        (
            r"\b[A-ZÄÖÜ][\wäöüß.-]{1,30}(?:stra(?:ss|ß)e|str\.|platz|allee|weg|gasse|damm|ufer)\s\d{1,4}(?:\s?[a-z])?\b(?:,?\s\d{5}\s[A-ZÄÖÜ][\wäöüß-]+)?|"
            r"\b\d{1,4}(?:\s?bis)?,?\s(?:rue|avenue|boulevard|place|chemin|allée)\s(?:(?:de|du|des|la|le)\s|d['’]|l['’])*[A-ZÀ-Þ][\w'’-]+"
            r"(?:\s[A-ZÀ-Þ][\w'’-]+)?(?:,?\s\d{5}\s[A-ZÀ-Þ][\w'’-]+)?|"
            r"\b(?:[Cc]alle|[Vv]ia|[Pp]laza|[Aa]venida) (?:[Dd]e(?:l| la| los)? )?(?P<name>[A-ZÀ-Þ][a-zà-þ][\w'’-]*(?: [A-ZÀ-Þ][\w'’-]+)?),? \d{1,4}\b"
        ),
        _street,
        (48, 140),
    ),
)
