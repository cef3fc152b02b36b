"""Generates secrets in the documented forms of providers, and passwords as people choose them."""

from __future__ import annotations

import random
import re
import string

from transforms.deid.rules.provider_secrets import provider_secrets

_FILL = re.compile(r"\{(alnum|alpha|upper|lower|digit|hex|HEX|b64|b64url|base32|uuid)(?::(\d{1,4}))?\}")
_SIGNS = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "upper": string.ascii_uppercase,
    "lower": string.ascii_lowercase,
    "digit": string.digits,
    "hex": "0123456789abcdef",
    "HEX": "0123456789ABCDEF",
    "b64": string.ascii_letters + string.digits + "+/",
    "b64url": string.ascii_letters + string.digits + "-_",
    "base32": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
}
_WORDS = "sunshine dragon monkey winter summer shadow falcon tiger coffee purple orange pepper cookie rocket garden silver thunder".split()


def filled(template: str, random_: random.Random) -> str:
    """A template such as `ghp_{alnum:36}` with random characters in its places."""

    def value(place: re.Match[str]) -> str:
        kind, length = place.groups()
        if kind == "uuid":
            digits = f"{random_.getrandbits(128):032x}"
            return "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
        return "".join(random_.choice(_SIGNS[kind]) for _ in range(int(length or 1)))

    return _FILL.sub(value, template)


def make_secret(random_: random.Random) -> str:
    """A secret of a random provider whose secrets are recognised without context."""
    plain = [one for one in provider_secrets() if not one.context]
    return filled(random_.choice(random_.choice(plain).examples), random_)


def make_password(random_: random.Random) -> str:
    """A password: a word with digits and signs, or random characters."""
    if random_.random() < 0.5:
        word = random_.choice(_WORDS)
        word = word.capitalize() if random_.random() < 0.6 else word
        return f"{word}{random_.choice(['', '_', '@', '-'])}{random_.randint(1, 9999)}{random_.choice(['', '!', '#', '$', '?'])}"
    signs = string.ascii_letters + string.digits + "!@#$%^*_-+"
    return "".join(random_.choice(signs) for _ in range(random_.randint(8, 18)))
