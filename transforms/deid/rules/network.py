"""Network addresses: IPv4, IPv6 and MAC."""

from __future__ import annotations

import ipaddress
import itertools
import re

from transforms.deid.evidence import FITTING, FORM, STATED
from transforms.deid.rules.rule import BEGIN, END, Rule, Verdict, after, before, whole

_VERSION_BEFORE = re.compile(
    r"(?i)(?:\bv|\bver(?:sion)?\W{0,3}|\b(?:sections?|sec\.|chapter|clause|paragraph|figure|table|appendix|release|build|rev(?:ision)?|oracle|driver|firmware|"
    r"(?:assembly|file|product)version|upgrad(?:e|ed|es|ing)(?: from| to)?|downgrad(?:e|ed|ing)(?: from| to)?|updat(?:e|ed|ing)(?: from| to)?|"
    r"from \d+(?:\.\d+){3} to)\W{1,3}|~>\s?|\b(?:chrome|chromium|safari|firefox|edge?|edga|opr|version|"
    r"mozilla|electron|headlesschrome|node|python)/)\Z"
)
#: A package requirement. A packet filter has the same form but contains an address: ip.src == 10.1.2.3.
_REQUIRED_BEFORE = re.compile(r"(?P<name>[\w.-]*)\s?[=~<>!]=\s?\Z")
_ADDRESS_NAME = re.compile(r"(?i)ip|addr|src|dst|host|source|dest|client|server|remote|local|peer")
#: Public resolvers and the metadata address of cloud providers; they identify nobody.
_WELL_KNOWN = frozenset(
    ["8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "169.254.169.254", "255.255.255.255"]
)


def _ip4(found: re.Match[str]) -> Verdict | None:
    text = found.group()
    parts = text.split(".")
    if any(int(part) > 255 or (len(part) > 1 and part[0] == "0") for part in parts):
        return None
    left = before(found, 32)
    # A version or a part of a token between hyphens: agent-2.14.0.1-py3.
    if left.endswith("-") and re.match(r"-[A-Za-z0-9]", after(found, 2)):
        return None
    if parts[0] in ("0", "127", "255") or text in _WELL_KNOWN or _VERSION_BEFORE.search(left):
        return None
    required = _REQUIRED_BEFORE.search(left)
    if required is not None and not _ADDRESS_NAME.search(required.group("name")):
        return None
    return found.start(), found.end(), STATED


def _written_ip4(found: re.Match[str]) -> Verdict | None:
    parts = re.findall(r"\d+", found.group("ip"))
    return (found.start("ip"), found.end("ip"), FITTING) if all(int(part) < 256 for part in parts) else None


def _ip6(found: re.Match[str]) -> Verdict | None:
    """The longest address in a run of hexadecimal groups. A colon may join a word or a port to it."""
    text = found.group()
    if all(len(group) == 2 for group in text.split(":") if group):
        # A time, or a hardware address.
        return None
    cuts = [0, *(place.start() + 1 for place in itertools.islice(re.finditer(":", text), 2))]
    last = text.rfind(":")
    before_last = text.rfind(":", 0, max(last, 0))
    ends = [len(text), *(end for end in (last, before_last) if end > 0)]
    joined = re.match(r"[A-Za-z0-9_]", text[:1]) and re.search(r"[A-Za-z0-9]\Z", before(found, 1))
    for low in cuts[1:] if joined else cuts:
        for high in ends:
            if high - low >= 6 and _is_address(text[low:high]):
                return found.start() + low, found.start() + high, STATED
    return None


def _is_address(text: str) -> bool:
    groups = [group for group in text.split(":") if group]
    if not any(character.isdigit() for character in text) or all(len(group) == 2 for group in groups):
        return False
    if len(groups) < 3 and not (len(groups[0]) == 4 and not text.startswith(":")):
        return False
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified)


NETWORK_RULES = (
    Rule(
        "IP_ADDRESS",
        r"\d\.\d{1,3}\.\d{1,3}\.\d",
        r"(?<!\d)(?<!\d\.)(?:\d{1,3}\.){3}\d{1,3}(?!\d|\.\d)",
        _ip4,
        (20, 12),
    ),
    Rule(
        # Host names that cloud providers derive from addresses: ip-10-1-2-3.ec2.internal.
        "IP_ADDRESS",
        r"ip-\d{1,3}-\d{1,3}-\d",
        r"\bip-(?P<ip>\d{1,3}-\d{1,3}-\d{1,3}-\d{1,3})(?![\d-])",
        _written_ip4,
        (20, 12),
    ),
    Rule(
        # Defanged, as in incident reports: 203[.]0[.]113[.]7.
        "IP_ADDRESS",
        r"\d[\[(]\.[\])]\d",
        r"(?<!\d)(?=[\d.]{1,12}[\[(])(?P<ip>\d{1,3}(?:[\[(]\.[\])]\d{1,3}|\.\d{1,3}){3})(?!\d)",
        _written_ip4,
        (24, 24),
    ),
    Rule(
        "IP_ADDRESS",
        r"(?i)[0-9a-f]{1,4}:[0-9a-f:]*:",
        r"(?:(?<![0-9A-Fa-f])|(?<=\\[ntr]))(?:[0-9A-Fa-f]{0,4}:){2,10}(?:[0-9A-Fa-f]{1,4}(?![0-9A-Za-z]))?",
        _ip6,
        (64, 64),
    ),
    Rule(
        "MAC_ADDRESS",
        r"(?i)[0-9a-f]{2}[:-][0-9a-f]{2}[:-][0-9a-f]{2}[:-]",
        BEGIN + r"(?<![:-][0-9A-Fa-f]{2}[:-])[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}[0-9A-Fa-f]{2}"
        r"(?![0-9A-Za-z]|[:-][0-9A-Fa-f]{2}(?![0-9A-Za-z]))",
        whole(FORM),
        (16, 24),
    ),
    Rule(
        "MAC_ADDRESS",
        r"(?i)[0-9a-f]{4}\.[0-9a-f]{4}\.[0-9a-f]{4}",
        # Not the weights of a collation table: [*1154.0020.0002].
        BEGIN + r"(?<!\w\.)(?<!\[[.*])[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}" + END + r"(?!\.\w)",
        whole(STATED),
        (20, 8),
    ),
)
